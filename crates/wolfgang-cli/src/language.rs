//! The language of a locale.

use wolfgang_explain::Language;

/// Returns the language of a locale's name, for example `de_AT.UTF-8`.
pub(crate) fn of_locale(locale: &str) -> Language {
    match locale.split(['_', '.', '@']).next() {
        Some("de") => Language::De,
        _ => Language::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_begins_with_its_language() {
        for german in ["de", "de_AT", "de_DE.UTF-8", "de.UTF-8", "de@euro"] {
            assert_eq!(of_locale(german), Language::De, "{german}");
        }
        for other in ["", "C", "en_US.UTF-8", "den_CA", "POSIX"] {
            assert_eq!(of_locale(other), Language::En, "{other}");
        }
    }
}

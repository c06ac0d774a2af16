//! The tag `generation` of `transformers`, which surrounds the text of the assistant.

use std::borrow::Cow;

/// Replaces the tags `generation` and `endgeneration` by a scope without variables: the tags only
/// record positions, and variables that are set between them end with them.
pub(super) fn as_scopes(source: &str) -> Cow<'_, str> {
    if !source.contains("generation") {
        return Cow::Borrowed(source);
    }
    let mut replaced = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start + 2);
        replaced.push_str(before);
        rest = tag;
        let Some(end) = tag.find("%}") else { break };
        let inner = &tag[..end];
        let signs: &[char] = &['-', '+'];
        let name = inner.trim_matches(signs).trim();
        let scope = match name {
            "generation" => "with",
            "endgeneration" => "endwith",
            _ => continue,
        };
        replaced.push_str(&inner.replacen(name, scope, 1));
        rest = &tag[end..];
    }
    replaced.push_str(rest);
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_tags_are_replaced() {
        let source =
            "{%- generation %}a{% endgeneration -%}{% if add_generation_prompt %}b{% endif %}";
        let expected = "{%- with %}a{% endwith -%}{% if add_generation_prompt %}b{% endif %}";
        assert_eq!(as_scopes(source), expected);
        assert_eq!(as_scopes("{% generation"), "{% generation");
        assert_eq!(as_scopes("generation {{ x }}"), "generation {{ x }}");
    }
}

//! Merging of options from the command line and the configuration file.

/// Declares a group of options, each of which may be given on the command line or in a table of the
/// configuration file.
macro_rules! options {
    (
        $(#[$meta:meta])*
        pub(crate) struct $name:ident {
            $($(#[$field_meta:meta])* pub(crate) $field:ident: $type:ty,)*
        }
    ) => {
        #[derive(Clone, Debug, Default, clap::Args, serde::Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        $(#[$meta])*
        pub(crate) struct $name {
            $($(#[$field_meta])* pub(crate) $field: $type,)*
        }

        impl $name {
            /// These options, and for those that are not given the ones of `lower`.
            pub(crate) fn or(self, lower: Self) -> Self {
                Self { $($field: $crate::merge::Merge::or(self.$field, lower.$field),)* }
            }
        }
    };
}
pub(crate) use options;

/// A value that may be absent.
pub(crate) trait Merge {
    /// This value if it is present, or else `lower`.
    fn or(self, lower: Self) -> Self;
}

impl<T> Merge for Option<T> {
    fn or(self, lower: Self) -> Self {
        Option::or(self, lower)
    }
}

impl<T> Merge for Vec<T> {
    fn or(self, lower: Self) -> Self {
        if self.is_empty() { lower } else { self }
    }
}

impl Merge for bool {
    fn or(self, lower: Self) -> Self {
        self || lower
    }
}

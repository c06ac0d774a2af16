//! Options that may be given at several places, one of which counts.

/// Declares a group of options: each may be given on the command line, or in the table of the same name of the
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
            /// These, and those of `lower` that are not among them.
            pub(crate) fn or(self, lower: Self) -> Self {
                Self { $($field: $crate::layers::Given::or(self.$field, lower.$field),)* }
            }
        }
    };
}
pub(crate) use options;

/// Something that can be left out.
pub(crate) trait Given {
    /// This, if it is given, or else `lower`.
    fn or(self, lower: Self) -> Self;
}

impl<T> Given for Option<T> {
    fn or(self, lower: Self) -> Self {
        Option::or(self, lower)
    }
}

impl<T> Given for Vec<T> {
    fn or(self, lower: Self) -> Self {
        if self.is_empty() { lower } else { self }
    }
}

impl Given for bool {
    fn or(self, lower: Self) -> Self {
        self || lower
    }
}

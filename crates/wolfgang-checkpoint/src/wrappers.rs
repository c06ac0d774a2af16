//! Names of parameters in wrapped modules.
//!
//! `DistributedDataParallel`, `torch.compile`, FSDP and activation checkpointing wrap the model or
//! parts of it, in any nesting. Each wrapper adds a component to the names of the parameters.

use std::collections::HashMap;

/// The components that wrappers add.
const WRAPPERS: [&str; 5] = [
    "module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_fpw_module",
    "_checkpoint_wrapped_module",
];

/// Removes the components of wrappers: `module._orig_mod.layers.0._orig_mod.norm.weight` becomes
/// `layers.0.norm.weight`.
pub(crate) fn unwrapped(name: &str) -> String {
    let parts = name.split('.').filter(|part| !WRAPPERS.contains(part));
    parts.collect::<Vec<_>>().join(".")
}

/// Maps each name to its unwrapped name. Names that would become equal are kept unchanged.
pub(crate) fn unwrapped_unless_ambiguous<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
) -> HashMap<&'a str, String> {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for name in names.clone() {
        *uses.entry(unwrapped(name)).or_default() += 1;
    }
    let unique = |name: &'a str| {
        let plain = unwrapped(name);
        let plain = if uses.get(&plain) == Some(&1) {
            plain
        } else {
            name.to_owned()
        };
        (name, plain)
    };
    names.map(unique).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_removed_in_any_nesting() {
        for (stored, name) in [
            ("norm.weight", "norm.weight"),
            ("module.norm.weight", "norm.weight"),
            ("module._orig_mod.norm.weight", "norm.weight"),
            ("_orig_mod.module.module.norm.weight", "norm.weight"),
            (
                "layers.0._orig_mod.attention.wq.weight",
                "layers.0.attention.wq.weight",
            ),
            (
                "_fsdp_wrapped_module.layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.ffn_norm.weight",
                "layers.0.ffn_norm.weight",
            ),
            ("submodule.weight", "submodule.weight"),
        ] {
            assert_eq!(unwrapped(stored), name, "{stored}");
        }
    }

    #[test]
    fn names_that_would_become_equal_are_kept() {
        let names = ["a.w", "module.b.w", "module.c.w", "_orig_mod.c.w"];
        let unwrapped = unwrapped_unless_ambiguous(names.into_iter());
        assert_eq!(
            names.map(|name| unwrapped[name].as_str()),
            ["a.w", "b.w", "module.c.w", "_orig_mod.c.w"]
        );
    }
}

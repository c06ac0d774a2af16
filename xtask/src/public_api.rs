//! `cargo xtask public-api`: what users of the library crates can name, read from their sources.
//!
//! `docs/public-api/` holds it as skeletons of Rust, so that a change of it shows in a review.

use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, TraitItem, Type, UseTree, Visibility};

/// Write docs/public-api/, the public items of the library crates.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Write nothing, and fail if it differs
    #[arg(long)]
    check: bool,
}

const CRATES: [&str; 8] = [
    "wolfgang-sampling",
    "wolfgang-tokenize",
    "wolfgang-constrain",
    "wolfgang-model",
    "wolfgang-checkpoint",
    "wolfgang-generate",
    "wolfgang-serve",
    "wolfgang-explain",
];

/// Types with public parts that cannot get more, and why.
const COMPLETE: [(&str, &str); 1] = [("TensorErrors", "a list under a name")];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in CRATES {
        let public = public_items(&root.join("crates").join(name).join("src"))?;
        let open: Vec<_> = public.items.iter().filter_map(exhaustive).collect();
        ensure!(
            open.is_empty(),
            "{name}: {} must be #[non_exhaustive], or listed in COMPLETE in xtask/src/public_api.rs with a reason",
            open.join(", ")
        );
        let listing = prettyplease::unparse(&public);
        let path = root.join("docs/public-api").join(format!("{name}.rs"));
        if !args.check {
            fs::write(&path, listing)?;
            continue;
        }
        let known =
            fs::read_to_string(&path).with_context(|| format!("failed to read {path:?}"))?;
        ensure!(
            known == listing,
            "the public items of {name} changed. If that is compatible (docs/stability.md), run `cargo xtask public-api` \
             and commit docs/public-api/{name}.rs"
        );
    }
    Ok(())
}

/// The name of a type that could not get another field or variant.
fn exhaustive(item: &Item) -> Option<String> {
    let (name, attrs) = match item {
        Item::Struct(item) if !item.fields.is_empty() => (&item.ident, &item.attrs),
        Item::Enum(item) => (&item.ident, &item.attrs),
        _ => return None,
    };
    let name = name.to_string();
    let is_marked = attrs.iter().any(|a| a.path().is_ident("non_exhaustive"));
    let is_complete = COMPLETE.iter().any(|(complete, _)| *complete == name);
    (!is_marked && !is_complete).then_some(name)
}

/// The items that the `lib.rs` in `src` exports, without their private parts.
fn public_items(src: &Path) -> anyhow::Result<syn::File> {
    let mut lib = parse(&src.join("lib.rs"))?;
    lib.attrs.clear();
    lib.items.retain(|item| match item {
        Item::Use(item) => is_public(&item.vis),
        _ => false,
    });
    let mut names = BTreeSet::new();
    for item in &lib.items {
        if let Item::Use(item) = item {
            collect_names(&item.tree, &mut names);
        }
    }
    for path in sources(src)? {
        for item in parse(&path)?.items {
            lib.items.extend(public_part(item, &names));
        }
    }
    Ok(lib)
}

fn parse(path: &Path) -> anyhow::Result<syn::File> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {path:?}"))?;
    syn::parse_file(&text).with_context(|| format!("failed to parse {path:?}"))
}

/// Every Rust file below `folder`, in the order of their paths.
fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn collect_names(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => collect_names(&path.tree, names),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| collect_names(tree, names)),
        UseTree::Name(name) => {
            names.insert(name.ident.to_string());
        }
        _ => {}
    }
}

fn public_part(mut item: Item, names: &BTreeSet<String>) -> Option<Item> {
    let is_exported =
        |vis: &Visibility, name: &syn::Ident| is_public(vis) && names.contains(&name.to_string());
    let is_kept = match &mut item {
        Item::Struct(item) => {
            strip(&mut item.attrs);
            strip_fields(&mut item.fields);
            is_exported(&item.vis, &item.ident)
        }
        Item::Enum(item) => {
            strip(&mut item.attrs);
            for variant in &mut item.variants {
                strip(&mut variant.attrs);
                variant
                    .fields
                    .iter_mut()
                    .for_each(|field| strip(&mut field.attrs));
            }
            is_exported(&item.vis, &item.ident)
        }
        Item::Trait(item) => {
            strip(&mut item.attrs);
            for part in &mut item.items {
                if let TraitItem::Fn(function) = part {
                    strip(&mut function.attrs);
                    function.default = function.default.take().map(|_| syn::parse_quote!({}));
                }
            }
            is_exported(&item.vis, &item.ident)
        }
        Item::Fn(item) => {
            strip(&mut item.attrs);
            item.block = syn::parse_quote!({});
            is_exported(&item.vis, &item.sig.ident)
        }
        Item::Type(item) => {
            strip(&mut item.attrs);
            is_exported(&item.vis, &item.ident)
        }
        Item::Impl(item) => is_of(item, names) && strip_impl(item),
        _ => false,
    };
    is_kept.then_some(item)
}

/// Whether it is an implementation for an exported type.
fn is_of(item: &ItemImpl, names: &BTreeSet<String>) -> bool {
    let Type::Path(path) = &*item.self_ty else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|segment| names.contains(&segment.ident.to_string()))
}

/// Leaves the head of a trait's implementation, and the public functions of any other; false if
/// there are none.
fn strip_impl(item: &mut ItemImpl) -> bool {
    strip(&mut item.attrs);
    if item.trait_.is_some() {
        item.items.retain(|part| matches!(part, ImplItem::Type(_)));
        return true;
    }
    item.items.retain_mut(|part| match part {
        ImplItem::Fn(function) => {
            strip(&mut function.attrs);
            function.block = syn::parse_quote!({});
            is_public(&function.vis)
        }
        ImplItem::Const(constant) => {
            strip(&mut constant.attrs);
            is_public(&constant.vis)
        }
        _ => false,
    });
    !item.items.is_empty()
}

fn strip_fields(fields: &mut Fields) {
    let public = |fields: syn::punctuated::Punctuated<syn::Field, syn::Token![,]>| {
        let public = fields.into_iter().filter(|field| is_public(&field.vis));
        let stripped = public.map(|mut field| {
            strip(&mut field.attrs);
            field
        });
        stripped.collect()
    };
    match fields {
        Fields::Named(named) => named.named = public(std::mem::take(&mut named.named)),
        Fields::Unnamed(unnamed) => unnamed.unnamed = public(std::mem::take(&mut unnamed.unnamed)),
        Fields::Unit => {}
    }
}

/// Leaves the attributes that are part of the interface.
fn strip(attrs: &mut Vec<Attribute>) {
    const PART: [&str; 6] = [
        "cfg",
        "cfg_attr",
        "default",
        "derive",
        "non_exhaustive",
        "serde",
    ];
    attrs.retain(|attr| PART.iter().any(|name| attr.path().is_ident(name)));
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

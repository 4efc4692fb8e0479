//! The source files of this crate, as the compiler reads them, and the paths that each names.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syn::{
    Attribute, Item, UseTree,
    punctuated::Punctuated,
    visit::{self, Visit},
};

/// A source file that is no test's.
pub(super) struct Source {
    /// The file, from the root of the crate.
    pub path: PathBuf,
    /// The module that it is, from the root of the crate.
    pub module: Vec<String>,
    /// The file as the compiler reads it.
    pub file: syn::File,
    /// The text of it.
    pub text: String,
}

impl Source {
    /// The layer: the first part of the module.
    pub(super) fn layer(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    /// The paths within this crate that the code names, tests of its own aside, each from the root of the crate.
    pub(super) fn named(&self) -> BTreeSet<Vec<String>> {
        let mut names = Names { module: self.module.clone(), found: BTreeSet::new() };
        names.visit_file(&self.file);
        names.found
    }
}

/// The files of the program: neither this check nor what is compiled for tests alone.
pub(super) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    find(&root.join("src"), &mut paths);
    let of = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let path = path.strip_prefix(root).unwrap().to_owned();
        let stem = path.strip_prefix("src").unwrap().with_extension("");
        let mut module: Vec<_> = stem.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        module.retain(|part| part != "lib");
        Source { path, module, file, text }
    };
    let found: Vec<_> = paths.into_iter().map(of).collect();
    assert!(found.len() > 100, "the sources were found");
    found
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap();
        if name == "tests" || name == "layers" {
            continue;
        }
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Gathers paths.
struct Names {
    module: Vec<String>,
    found: BTreeSet<Vec<String>>,
}

impl Names {
    /// Notes a path, if it is of this crate and says so.
    fn note(&mut self, path: &[String]) {
        let base = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self") => self.module.clone(),
            Some("super") => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                self.module[..self.module.len().saturating_sub(ups)].to_vec()
            }
            _ => return,
        };
        let rest = path.iter().skip_while(|part| matches!(part.as_str(), "crate" | "self" | "super"));
        self.found.insert(base.into_iter().chain(rest.cloned()).collect());
    }

    /// Notes each path of a `use`.
    fn note_use(&mut self, before: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.note_use(before, &path.tree);
                before.pop();
            }
            UseTree::Name(syn::UseName { ident }) | UseTree::Rename(syn::UseRename { ident, .. }) => {
                // `self` in braces is what stands before them.
                let own = (ident != "self").then(|| ident.to_string());
                let path: Vec<_> = before.iter().cloned().chain(own).collect();
                self.note_first(&path);
            }
            UseTree::Glob(_) => self.note_first(&before.clone()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_use(before, tree)),
        }
    }

    /// Notes the path of a `use`, which may also begin with a module that this one declares.
    fn note_first(&mut self, path: &[String]) {
        let own: Vec<_> = std::iter::once("self".to_owned()).chain(path.iter().cloned()).collect();
        let is_said = path.first().is_some_and(|first| matches!(first.as_str(), "crate" | "self" | "super"));
        self.note(if is_said { path } else { &own });
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(module) => {
                if !is_for_tests(&module.attrs) && module.content.is_some() {
                    self.module.push(module.ident.to_string());
                    visit::visit_item_mod(self, module);
                    self.module.pop();
                }
            }
            Item::Use(item) if is_for_tests(&item.attrs) => {}
            Item::Use(item) => self.note_use(&mut Vec::new(), &item.tree),
            item => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // A path in code that begins with a module of this file's own is found by its first part.
        if parts.len() > 1 {
            self.note_first(&parts);
        }
        visit::visit_path(self, path);
    }

    /// Some macros take nothing but expressions, as `format!` and `tokio::try_join!`.
    fn visit_macro(&mut self, made: &'ast syn::Macro) {
        let expressions = made.parse_body_with(Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated);
        for expression in expressions.iter().flatten() {
            self.visit_expr(expression);
        }
    }
}

/// Returns true if the attributes leave an item out of the program.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    };
    attributes.iter().any(is_test)
}

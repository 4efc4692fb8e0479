//! Things of a kind that each have to have the same: an actor, a row of the policy, a place in a document.

use std::collections::BTreeSet;

use syn::{FnArg, ImplItem, Item, Type, Visibility};

use super::sources::{Source, sources};
use crate::domain::{
    event::{EventType, TypeSet},
    policy::{Act, Actor, Standing, may},
};

/// The file at a path from the root of the crate.
fn source(path: &str) -> Source {
    sources().into_iter().find(|source| source.path.ends_with(path)).expect(path)
}

/// The variants of an enum.
fn variants(path: &str, name: &str) -> BTreeSet<String> {
    let file = source(path).file;
    let of = file.items.iter().find_map(|item| match item {
        Item::Enum(item) if item.ident == name => Some(&item.variants),
        _ => None,
    });
    of.expect(name).iter().map(|variant| variant.ident.to_string()).collect()
}

fn is_named(of: &Type, name: &str) -> bool {
    match of {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == name),
        Type::Reference(reference) => is_named(&reference.elem, name),
        _ => false,
    }
}

#[test]
fn each_public_function_of_chat_takes_an_actor_first() {
    let mut checked = 0;
    for source in sources().into_iter().filter(|source| source.layer() == "chat") {
        let blocks = source.file.items.iter().filter_map(|item| match item {
            Item::Impl(block) if block.trait_.is_none() && is_named(&block.self_ty, "Chat") => Some(block),
            _ => None,
        });
        for item in blocks.flat_map(|block| &block.items) {
            let ImplItem::Fn(function) = item else { continue };
            let is_public = matches!(function.vis, Visibility::Public(_));
            if !is_public || function.sig.receiver().is_none() {
                continue;
            }
            let second = function.sig.inputs.iter().nth(1);
            let is_actor = matches!(second, Some(FnArg::Typed(typed)) if is_named(&typed.ty, "Actor"));
            assert!(is_actor, "{}: `{}` takes no actor", source.path.display(), function.sig.ident);
            checked += 1;
        }
    }
    assert!(checked > 15, "the functions were found: {checked}");
}

#[test]
fn each_act_has_a_row_in_the_policy_and_each_change_an_act() {
    // Somebody asks for each of them: here below chat, or there under the room's lock.
    let askers: Vec<_> = sources().into_iter().filter(|it| matches!(it.layer(), "chat" | "journal")).collect();
    for act in Act::ALL {
        let asks = format!("Act::{act:?}");
        assert!(askers.iter().any(|source| source.text.contains(&asks)), "nobody asks the policy for `{act:?}`");
        // A rule that lets nobody or everybody do anything would not tell an actor from another.
        let _ = (act.rule(), may(&Actor::nameless(), act, &Standing::default()));
    }
    let command = source("journal/command.rs").text;
    for change in variants("journal/command.rs", "Change") {
        let (has_action, has_act) = (format!("=> {change},"), format!("Self::{change}("));
        assert!(command.contains(&has_action), "`{change}` is no `Action`");
        assert!(command.contains(&has_act), "`{change}` has no act");
    }
}

#[test]
fn each_type_of_event_is_in_the_filter_and_in_the_documents() {
    let all: BTreeSet<_> = EventType::ALL.iter().map(|kind| format!("{kind:?}")).collect();
    assert_eq!(all, variants("domain/event/kind.rs", "EventType"), "`EventType::ALL` is complete");
    let page = include_str!("../../openapi/events.md");
    for kind in EventType::ALL {
        let word = kind.as_str();
        assert!(TypeSet::filter([kind]).has(kind) && EventType::parse(word) == Some(kind), "{word} can be asked for");
        assert!(page.contains(&format!("`{word}`")), "events.md tells of {word}");
        assert!(page.contains(&format!("\"type\": \"{word}\"")), "events.md shows {word}");
    }
}

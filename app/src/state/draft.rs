//! A draft being edited: the document, where it came from, and the way back.

use contract::PolicySummary;
use leptos::prelude::*;
use policy::assertions::PolicyAssertions;
use policy::tier::TierPolicyDocument;

/// Edits that are further back cannot be undone.
const STEPS_MAX: usize = 200;

/// Where a draft stands on the server
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// Nowhere yet.
    New,
    Saved(Box<PolicySummary>),
}

/// The editor's state; everything that it shows is derived from it
#[derive(Clone, Copy)]
pub struct Draft {
    pub document: RwSignal<TierPolicyDocument>,
    /// What the policy promises; no part of what undo takes back.
    pub assertions: RwSignal<PolicyAssertions>,
    pub name: RwSignal<String>,
    pub origin: RwSignal<Origin>,
    /// Document, assertions and name as they were opened or saved last.
    saved: RwSignal<(TierPolicyDocument, PolicyAssertions, String)>,
    past: RwSignal<Vec<TierPolicyDocument>>,
    future: RwSignal<Vec<TierPolicyDocument>>,
    /// What is being dragged or typed in: its edits are one step.
    gesture: StoredValue<Option<String>>,
}

impl Draft {
    pub fn new(document: TierPolicyDocument, assertions: PolicyAssertions, name: String) -> Self {
        Self {
            saved: RwSignal::new((document.clone(), assertions.clone(), name.clone())),
            assertions: RwSignal::new(assertions),
            document: RwSignal::new(document),
            name: RwSignal::new(name),
            origin: RwSignal::new(Origin::New),
            past: RwSignal::new(Vec::new()),
            future: RwSignal::new(Vec::new()),
            gesture: StoredValue::new(None),
        }
    }

    /// Shows another document; its history begins here.
    pub fn open(
        self,
        document: TierPolicyDocument,
        assertions: PolicyAssertions,
        name: String,
        origin: Origin,
    ) {
        self.past.set(Vec::new());
        self.future.set(Vec::new());
        self.gesture.set_value(None);
        self.saved.set((document.clone(), assertions.clone(), name.clone()));
        self.assertions.set(assertions);
        self.document.set(document);
        self.name.set(name);
        self.origin.set(origin);
    }

    /// Says that what was sent is what the server holds now.
    pub fn saved_as(
        self,
        document: TierPolicyDocument,
        assertions: PolicyAssertions,
        summary: PolicySummary,
    ) {
        self.saved.set((document, assertions, summary.name.clone()));
        self.origin.set(Origin::Saved(Box::new(summary)));
    }

    /// Cuts the tie to the saved draft, which somebody else has saved meanwhile; the edits stay.
    pub fn go_on_as_new(self) {
        self.origin.set(Origin::New);
        self.name.update(|name| name.push_str(" (mine)"));
    }

    /// Changes the document; edits of one `gesture` in a row are one step back.
    pub fn edit(self, gesture: &str, change: impl FnOnce(&mut TierPolicyDocument)) {
        let before = self.document.get_untracked();
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return;
        }
        let continues = self.gesture.with_value(|current| current.as_deref() == Some(gesture));
        if !continues {
            self.past.update(|past| {
                past.push(before);
                if past.len() > STEPS_MAX {
                    past.remove(0);
                }
            });
            self.gesture.set_value(Some(gesture.to_owned()));
        }
        self.future.update(Vec::clear);
        self.document.set(after);
    }

    /// The next edit is a step of its own.
    pub fn end_gesture(self) {
        self.gesture.set_value(None);
    }

    pub fn undo(self) {
        self.step(self.past, self.future);
    }

    pub fn redo(self) {
        self.step(self.future, self.past);
    }

    fn step(self, from: RwSignal<Vec<TierPolicyDocument>>, onto: RwSignal<Vec<TierPolicyDocument>>) {
        self.gesture.set_value(None);
        if let Some(document) = from.try_update(Vec::pop).flatten() {
            let now = self.document.get_untracked();
            onto.update(|steps| steps.push(now));
            self.document.set(document);
        }
    }

    pub fn can_undo(self) -> bool {
        self.past.with(|past| !past.is_empty())
    }

    pub fn can_redo(self) -> bool {
        self.future.with(|future| !future.is_empty())
    }

    /// Whether something would be lost.
    pub fn is_unsaved(self) -> bool {
        self.saved.with(|(document, assertions, name)| {
            self.document.with(|now| now != document)
                || self.assertions.with(|now| now != assertions)
                || self.name.with(|now| now != name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::tier::TierPolicy;

    fn check(run: impl FnOnce(Draft)) {
        let owner = Owner::new();
        owner.with(|| {
            let document = TierPolicy::revision_1().document().clone();
            run(Draft::new(document, PolicyAssertions::default(), "Spring review".to_owned()))
        });
    }

    fn set(draft: Draft, gesture: &str, value: &str) {
        draft.edit(gesture, |document| drop(document.limits.insert("score_2".to_owned(), value.to_owned())));
    }

    fn value(draft: Draft) -> String {
        draft.document.with_untracked(|document| document.limits.get("score_2").cloned().unwrap_or_default())
    }

    #[test]
    fn a_drag_is_one_step_back() {
        check(|draft| {
            set(draft, "slide", "59");
            set(draft, "slide", "58");
            draft.end_gesture();
            set(draft, "slide", "57");
            draft.undo();
            assert_eq!(value(draft), "58");
            draft.undo();
            assert_eq!(value(draft), "60");
            assert!(!draft.can_undo());
            draft.redo();
            draft.redo();
            assert_eq!(value(draft), "57");
        });
    }

    #[test]
    fn an_edit_that_is_taken_back_leaves_nothing_to_save() {
        check(|draft| {
            set(draft, "type", "59");
            assert!(draft.is_unsaved());
            draft.undo();
            assert!(!draft.is_unsaved());
        });
    }
}

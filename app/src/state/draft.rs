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

/// What undo takes back: everything but the name, whose field has an undo of its own
#[derive(Clone, PartialEq)]
struct Content {
    document: TierPolicyDocument,
    assertions: PolicyAssertions,
}

/// The editor's state; everything that it shows is derived from it
#[derive(Clone, Copy)]
pub struct Draft {
    pub document: RwSignal<TierPolicyDocument>,
    /// What the policy promises; changed by [`assert`](Self::assert), so that undo knows of it.
    pub assertions: RwSignal<PolicyAssertions>,
    pub name: RwSignal<String>,
    pub origin: RwSignal<Origin>,
    /// Document, assertions and name as they were opened or saved last.
    saved: RwSignal<(TierPolicyDocument, PolicyAssertions, String)>,
    past: RwSignal<Vec<Content>>,
    future: RwSignal<Vec<Content>>,
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

    /// Shows what somebody else has drafted as edits of what is open, in a draft of its own: undo takes them back.
    pub fn take_over(self, document: TierPolicyDocument, assertions: Option<PolicyAssertions>, name: String) {
        let mut content = self.content();
        self.end_gesture();
        content.document = document;
        if let Some(assertions) = assertions {
            content.assertions = assertions;
        }
        self.change("", content);
        self.end_gesture();
        self.origin.set(Origin::New);
        self.name.set(name);
    }

    /// Changes the document; edits of one `gesture` in a row are one step back.
    pub fn edit(self, gesture: &str, change: impl FnOnce(&mut TierPolicyDocument)) {
        let mut content = self.content();
        change(&mut content.document);
        self.change(gesture, content);
    }

    /// Changes the assertions, a step of its own.
    pub fn assert(self, change: impl FnOnce(&mut PolicyAssertions)) {
        let mut content = self.content();
        change(&mut content.assertions);
        self.end_gesture();
        self.change("", content);
        self.end_gesture();
    }

    fn content(self) -> Content {
        Content { document: self.document.get_untracked(), assertions: self.assertions.get_untracked() }
    }

    fn change(self, gesture: &str, after: Content) {
        let before = self.content();
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
        self.show(after);
    }

    fn show(self, content: Content) {
        // Whoever follows one of the two is not bothered with the other.
        if self.document.with_untracked(|now| *now != content.document) {
            self.document.set(content.document);
        }
        if self.assertions.with_untracked(|now| *now != content.assertions) {
            self.assertions.set(content.assertions);
        }
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

    fn step(self, from: RwSignal<Vec<Content>>, onto: RwSignal<Vec<Content>>) {
        self.gesture.set_value(None);
        if let Some(content) = from.try_update(Vec::pop).flatten() {
            let now = self.content();
            onto.update(|steps| steps.push(now));
            self.show(content);
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
    use policy::assertions::Law;
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
    fn assertions_are_taken_back_in_their_turn() {
        check(|draft| {
            set(draft, "slide", "59");
            draft.assert(|assertions| assertions.laws.push(Law::MonotoneInScore));
            set(draft, "slide", "58");
            draft.undo();
            draft.undo();
            assert_eq!(draft.assertions.get_untracked(), PolicyAssertions::default());
            assert_eq!(value(draft), "59");
            draft.redo();
            assert_eq!(draft.assertions.get_untracked().laws, [Law::MonotoneInScore]);
            draft.undo();
            draft.undo();
            assert!(!draft.is_unsaved() && !draft.can_undo());
        });
    }

    #[test]
    fn what_is_taken_over_is_unsaved_and_undo_takes_it_back() {
        check(|draft| {
            set(draft, "slide", "59");
            let theirs = TierPolicy::monotone_draft().document().clone();
            draft.take_over(theirs.clone(), None, "Theirs".to_owned());
            assert_eq!(draft.document.get_untracked(), theirs);
            assert!(draft.is_unsaved() && draft.origin.get_untracked() == Origin::New);
            draft.undo();
            assert_eq!(value(draft), "59");
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

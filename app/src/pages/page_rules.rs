//! `/pools/pages`: which page leads to which pool, edited in order and tried on any page before it is saved.

use crate::api::{self, ApiError};
use crate::components::icon::{Icon, IconView};
use crate::components::loaded::{Loaded, RowsSkeleton};
use crate::components::notice::{Notice, Tone};
use crate::components::page_header::PageHeader;
use crate::state::leave_guard::use_leave_guard;
use crate::state::live::use_live;
use crate::state::page_rules::{
    DraftCondition, DraftRule, FieldError, Keys, are_same, errors, explain, new_name, rules,
};
use crate::state::remote::Remote;
use crate::state::session::use_session;
use crate::state::toasts::{Toasts, use_toasts};
use crate::state::url;
use contract::{PageRules, PoolsOverview, Role, SavePageRules, problem};
use futures_util::future::try_join;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use policy::routing::{ConditionCheck, PageField, PageMatch, PageOperator, RuleVerdict};
use std::collections::BTreeSet;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement};

const FIELDS: [(PageField, &str, &str); 3] = [
    (PageField::Domain, "domain", "Domain"),
    (PageField::Path, "path", "Path"),
    (PageField::QueryParam, "query_param", "Query parameter"),
];

const OPERATORS: [PageOperator; 5] = [
    PageOperator::IsExactly,
    PageOperator::Contains,
    PageOperator::DoesNotContain,
    PageOperator::StartsWith,
    PageOperator::EndsWith,
];

#[component]
pub fn PageRulesPage() -> impl IntoView {
    let live = use_live();
    let remote = Remote::new(move || {
        live.pools.track();
        try_join(api::page_rules(), api::pools())
    });
    view! {
        <div class="page page-rules">
            <PageHeader title="Page rules" lead="Which page leads to which pool: the first active rule whose conditions all hold decides." parent=("/pools", "Pools")>
                <a class="button" href="/pools/statistics">"Statistics"</a>
            </PageHeader>
            <Loaded remote skeleton=|| view! { <RowsSkeleton rows=10/> } let:newest>
                <RulesEditor newest/>
            </Loaded>
        </div>
    }
}

type Newest = (PageRules, PoolsOverview);

/// The rules being edited, what they were, and what others have made of them meanwhile
#[derive(Clone, Copy)]
struct Editor {
    rules: RwSignal<Vec<DraftRule>>,
    /// As they were opened or saved last, with the revision that a save builds on.
    saved: RwSignal<PageRules>,
    /// Saved by somebody else while there are edits here.
    theirs: RwSignal<Option<PageRules>>,
    pools: Memo<Vec<(String, String)>>,
    keys: StoredValue<Keys>,
    /// Taken away last, and from where.
    removed: RwSignal<Option<(usize, DraftRule)>>,
    /// Rules that are still being filled in: their faults are not held against them yet.
    fresh: RwSignal<BTreeSet<u32>>,
    /// What the server found.
    refused: RwSignal<Option<FieldError>>,
    errors: Memo<Vec<FieldError>>,
    page: RwSignal<String>,
    tried: Memo<Option<PageMatch>>,
    is_dirty: Memo<bool>,
    is_busy: RwSignal<bool>,
    said: RwSignal<String>,
    toasts: Toasts,
}

impl Editor {
    fn new(newest: Signal<Newest>) -> Self {
        let saved = RwSignal::new(newest.with_untracked(|(rules, _)| rules.clone()));
        let mut keys = Keys::default();
        let drafts = |saved: &PageRules, keys: &mut Keys| {
            saved.rules.iter().map(|rule| DraftRule::of(rule, keys)).collect::<Vec<_>>()
        };
        let rules = RwSignal::new(saved.with_untracked(|saved| drafts(saved, &mut keys)));
        let pools = Memo::new(move |_| {
            newest.with(|(_, overview)| {
                overview.pools.iter().map(|pool| (pool.id.clone(), pool.name.clone())).collect::<Vec<_>>()
            })
        });
        let faults = Memo::new(move |_| {
            rules.with(|rules| pools.with(|pools| errors(rules, |id| pools.iter().any(|pool| pool.0 == id))))
        });
        let page = RwSignal::new(url::parameter("page").get_untracked());
        let tried = Memo::new(move |_| {
            let page = page.get();
            if page.trim().is_empty() {
                return None;
            }
            let faulty: Vec<u32> = faults.with(|faults| faults.iter().map(|fault| fault.key).collect());
            rules.with(|rules| saved.with(|saved| explain(rules, &saved.default_pool_id, &faulty, &page)))
        });
        let is_dirty = Memo::new(move |_| {
            rules.with(|rules| saved.with(|saved| !are_same(rules, &drafts(saved, &mut Keys::default()))))
        });
        Self {
            rules,
            saved,
            theirs: RwSignal::new(None),
            pools,
            keys: StoredValue::new(keys),
            removed: RwSignal::new(None),
            fresh: RwSignal::new(BTreeSet::new()),
            refused: RwSignal::new(None),
            errors: faults,
            page,
            tried,
            is_dirty,
            is_busy: RwSignal::new(false),
            said: RwSignal::new(String::new()),
            toasts: use_toasts(),
        }
    }

    /// Begins again with what the server holds.
    fn adopt(self, saved: PageRules) {
        let keys = self.keys;
        let drafts = saved
            .rules
            .iter()
            .map(|rule| keys.try_update_value(|keys| DraftRule::of(rule, keys)).unwrap_or_default());
        self.rules.set(drafts.collect());
        self.saved.set(saved);
        self.theirs.set(None);
        self.removed.set(None);
        self.refused.set(None);
        self.fresh.set(BTreeSet::new());
    }

    /// What the server holds now: followed where nothing here is lost by it.
    fn meet(self, newest: PageRules) {
        let (is_same, is_older) = self.saved.with_untracked(|saved| {
            (
                saved.rules == newest.rules && saved.default_pool_id == newest.default_pool_id,
                newest.revision < saved.revision,
            )
        });
        if is_older {
            // Asked before the save that is known here.
        } else if is_same {
            // Something else about the pools has changed.
            self.saved.update(|saved| saved.revision = newest.revision);
            self.theirs.set(None);
        } else if self.is_dirty.get_untracked() {
            self.theirs.set(Some(newest));
        } else {
            self.adopt(newest);
        }
    }

    fn change(self, key: u32, change: impl FnOnce(&mut DraftRule)) {
        self.refused.set(None);
        self.rules.update(|rules| {
            if let Some(rule) = rules.iter_mut().find(|rule| rule.key == key) {
                change(rule);
            }
        });
    }

    fn change_condition(self, key: u32, condition: u32, change: impl FnOnce(&mut DraftCondition)) {
        self.change(key, |rule| {
            if let Some(found) = rule.conditions.iter_mut().find(|found| found.key == condition) {
                change(found);
            }
        });
    }

    fn next_key(self) -> u32 {
        self.keys.try_update_value(Keys::next).unwrap_or_default()
    }

    fn add(self) {
        let (key, condition) = (self.next_key(), self.next_key());
        let default = self.saved.with_untracked(|saved| saved.default_pool_id.clone());
        let pool_id = self.pools.with_untracked(|pools| {
            pools.iter().find(|pool| pool.0 != default).map_or(default.clone(), |pool| pool.0.clone())
        });
        self.fresh.update(|fresh| {
            fresh.insert(key);
        });
        self.refused.set(None);
        self.rules.update(|rules| {
            rules.push(DraftRule {
                key,
                name: new_name(rules),
                pool_id,
                is_active: true,
                conditions: vec![DraftCondition::new(condition)],
                ..DraftRule::default()
            });
        });
        later(move || {
            if let Some(name) = element::<HtmlInputElement>(&format!("rule-{key}-name")) {
                let _ = name.focus();
                name.select();
            }
        });
    }

    fn remove(self, key: u32) {
        let place = self.rules.with_untracked(|rules| rules.iter().position(|rule| rule.key == key));
        let Some(place) = place else { return };
        self.refused.set(None);
        self.removed.set(self.rules.try_update(|rules| (place, rules.remove(place))));
        later(|| focus("undo-remove"));
    }

    fn undo_remove(self) {
        let Some((place, rule)) = self.removed.get_untracked() else { return };
        let key = rule.key;
        self.removed.set(None);
        self.rules.update(|rules| rules.insert(place.min(rules.len()), rule));
        later(move || focus(&format!("rule-{key}-name")));
    }

    /// Moves a rule up (-1) or down (1); what has the focus keeps it.
    fn shift(self, key: u32, step: isize) {
        let places = self.rules.with_untracked(|rules| {
            let from = rules.iter().position(|rule| rule.key == key)?;
            let to = from.checked_add_signed(step).filter(|to| *to < rules.len())?;
            Some((from, to))
        });
        let Some((from, to)) = places else { return };
        let focused = document().active_element().and_then(|active| active.dyn_into::<HtmlElement>().ok());
        self.refused.set(None);
        self.rules.update(|rules| rules.swap(from, to));
        self.said.set(self.rules.with_untracked(|rules| {
            let name = rules.get(to).map_or("", |rule| rule.name.as_str());
            format!("{name} is rule {} of {}.", to + 1, rules.len())
        }));
        later(move || {
            if let Some(focused) = focused {
                let _ = focused.focus();
                focused.scroll_into_view_with_bool(false);
            }
        });
    }

    fn save(self) {
        self.fresh.set(BTreeSet::new());
        let built = self.rules.with_untracked(|drafts| rules(drafts));
        let (Some(rules), true) = (built, self.errors.with_untracked(Vec::is_empty)) else {
            later(focus_fault);
            return;
        };
        self.is_busy.set(true);
        spawn_local(async move {
            if let Err(error) = self.send(rules).await {
                self.fail(&error);
            }
            self.is_busy.set(false);
        });
    }

    async fn send(self, rules: Vec<policy::routing::PageRule>) -> Result<(), ApiError> {
        let revision = self.saved.with_untracked(|saved| saved.revision);
        let save = SavePageRules { expected_revision: Some(revision), rules: rules.clone() };
        let saved = match api::save_page_rules(save).await {
            Err(error) if error.code() == problem::REVISION_MOVED => {
                let newest = api::page_rules().await?;
                self.meet(newest.clone());
                if self.theirs.with_untracked(Option::is_some) {
                    later(|| focus("fetch-theirs"));
                    return Ok(());
                }
                // Something else about the pools was changed: these rules are still the ones that were edited.
                let save = SavePageRules { expected_revision: Some(newest.revision), rules: rules.clone() };
                api::save_page_rules(save).await?
            }
            answer => answer?,
        };
        self.saved.update(|held| {
            held.revision = saved.revision;
            held.rules = rules;
        });
        self.removed.set(None);
        self.toasts.say("Page rules saved: they count from the next lead on.");
        Ok(())
    }

    fn fail(self, error: &ApiError) {
        let place = error.problem().and_then(|problem| {
            let (place, field) = problem.field.as_deref()?.strip_prefix("rules[")?.split_once("].")?;
            let key = self
                .rules
                .with_untracked(|rules| rules.get(place.parse::<usize>().ok()?).map(|rule| rule.key))?;
            Some(FieldError { key, field: field.to_owned(), message: error.to_string() })
        });
        match place {
            Some(fault) => {
                self.refused.set(Some(fault));
                later(focus_fault);
            }
            None => self.toasts.fail(error),
        }
    }

    /// What is to be said at a field of a rule.
    fn fault_at(self, key: u32, field: impl Fn() -> String + Send + Sync + 'static) -> Memo<Option<String>> {
        Memo::new(move |_| {
            let field = field();
            let is_it = |fault: &&FieldError| fault.key == key && fault.field == field;
            let refused =
                self.refused.with(|refused| refused.iter().find(is_it).map(|fault| fault.message.clone()));
            let is_fresh = self.fresh.with(|fresh| fresh.contains(&key));
            let found =
                || self.errors.with(|errors| errors.iter().find(is_it).map(|fault| fault.message.clone()));
            refused.or_else(|| if is_fresh { None } else { found() })
        })
    }
}

/// After the page has been drawn anew.
fn later(what: impl FnOnce() + 'static) {
    request_animation_frame(what);
}

fn element<E: JsCast>(id: &str) -> Option<E> {
    document().get_element_by_id(id).and_then(|found| found.dyn_into().ok())
}

fn focus(id: &str) {
    if let Some(found) = element::<HtmlElement>(id) {
        let _ = found.focus();
    }
}

fn focus_fault() {
    let fault = document()
        .query_selector(".page-rules [aria-invalid=true], .page-rules [data-invalid=true]")
        .ok()
        .flatten();
    if let Some(fault) = fault.and_then(|fault| fault.dyn_into::<HtmlElement>().ok()) {
        let _ = fault.focus();
    }
}

/// Shows the draft; nothing is sent until it is saved
#[component]
fn RulesEditor(newest: Signal<Newest>) -> impl IntoView {
    let editor = Editor::new(newest);
    let session = use_session();
    let guard = use_leave_guard();
    Effect::new(move |_| editor.meet(newest.with(|(rules, _)| rules.clone())));
    Effect::new(move |_| guard.has_unsaved.set(editor.is_dirty.get()));
    on_cleanup(move || guard.has_unsaved.set(false));
    let keys = move || editor.rules.with(|rules| rules.iter().map(|rule| rule.key).collect::<Vec<_>>());
    let is_empty = Memo::new(move |_| editor.rules.with(Vec::is_empty));
    view! {
        <Try editor/>
        {move || editor.theirs.get().map(|theirs| view! { <Moved editor theirs/> })}
        <p class="visually-hidden" role="status">{move || editor.said.get()}</p>
        <fieldset class="rules" disabled=move || !session.may(Role::Admin)>
            <legend class="visually-hidden">"Page rules, in the order in which they are tried"</legend>
            {move || is_empty.get().then(|| view! { <p class="panel no-rules muted" data-test="no-rules">"No rule yet: every page leads to the default pool. A rule sends the pages that it names to another pool."</p> })}
            <ol class="rule-list">
                <For each=keys key=|key| *key let:key>
                    <RuleItem editor key_of_rule=key/>
                </For>
            </ol>
            <Everything editor/>
            {move || session.may(Role::Admin).then(|| view! {
                <button class="button" type="button" data-test="add-rule" on:click=move |_| editor.add()><IconView icon=Icon::Plus/>"Add rule"</button>
            })}
        </fieldset>
        {move || (!session.may(Role::Admin)).then(|| view! { <p class="muted">"Admins change these rules."</p> })}
        <SaveBar editor/>
    }
}

/// What leads where when no rule matches
#[component]
fn Everything(editor: Editor) -> impl IntoView {
    let default_pool = move || pool_name(editor, &editor.saved.with(|saved| saved.default_pool_id.clone()));
    let decides = Memo::new(move |_| {
        editor.tried.with(|tried| tried.as_ref().is_some_and(|tried| tried.rule_id.is_none()))
    });
    view! {
        <div class="panel everything" data-test="default-pool" class:decides=decides>
            <span>"Every other page"</span>
            <span class="arrow" aria-hidden="true">"→"</span>
            <strong>{default_pool}</strong>
            <span class="muted">"the default pool"</span>
            {move || decides.get().then(|| view! { <span class="verdict matched">"decides"</span> })}
        </div>
    }
}

fn pool_name(editor: Editor, id: &str) -> String {
    let found = editor.pools.with(|pools| pools.iter().find(|pool| pool.0 == id).map(|pool| pool.1.clone()));
    found.unwrap_or_else(|| "a pool that is gone".to_owned())
}

/// Answers in the browser, by the code that routes leads, on the rules as they stand here
#[component]
fn Try(editor: Editor) -> impl IntoView {
    let set = url::use_set_parameters();
    let outcome = move || {
        editor.tried.get().map(|tried| {
            let pool = tried.pool_id.as_ref().map_or_else(|| "no pool".to_owned(), |pool| pool_name(editor, pool.as_str()));
            let by = match &tried.rule_id {
                None => "no rule matches: the default pool".to_owned(),
                Some(rule) => editor.rules.with(|rules| {
                    let place = rules.iter().position(|draft| draft.key.to_string() == rule.as_str()).unwrap_or_default();
                    format!("by rule {}, {}", place + 1, rules.get(place).map_or("", |rule| rule.name.trim()))
                }),
            };
            let page = tried.page;
            let params = page.query.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ");
            view! {
                <div class="outcome">
                    <p><span class="arrow" aria-hidden="true">"→ "</span><strong class="pool" data-test="tried-pool">{pool}</strong>" "<span data-test="tried-by">{by}</span></p>
                    <dl>
                        <div><dt>"Domain"</dt><dd>{page.domain.unwrap_or_else(|| "none: a bare path".to_owned())}</dd></div>
                        <div><dt>"Path"</dt><dd>{page.path}</dd></div>
                        <div><dt>"Parameters"</dt><dd>{if params.is_empty() { "none".to_owned() } else { params }}</dd></div>
                    </dl>
                </div>
            }
        })
    };
    view! {
        <section class="panel try" aria-labelledby="try-title">
            <div class="field">
                <label for="try-page" id="try-title">"Try a page"</label>
                <input
                    id="try-page"
                    class="input"
                    type="text"
                    inputmode="url"
                    spellcheck="false"
                    autocomplete="off"
                    placeholder="https://www.example.com/pricing?utm_source=mail"
                    data-test="try-page"
                    prop:value=move || editor.page.get()
                    on:input:target=move |event| editor.page.set(event.target().value())
                    on:change:target=move |event| set(&[("page", event.target().value().trim())])
                />
            </div>
            <div aria-live="polite" data-test="tried">
                {move || outcome().map_or_else(|| view! { <p class="muted hint">"Type a URL, or a path such as /pricing: each rule below then says what became of it."</p> }.into_any(), IntoAny::into_any)}
            </div>
        </section>
    }
}

/// Somebody else has saved other rules
#[component]
fn Moved(editor: Editor, theirs: PageRules) -> impl IntoView {
    let count = theirs.rules.len() as u64;
    let keep = theirs.clone();
    let keep_mine = move |_| {
        editor.saved.set(keep.clone());
        editor.theirs.set(None);
    };
    view! {
        <Notice tone=Tone::Error>
            <div class="moved" data-test="moved">
                <span>
                    "Somebody else has saved other page rules meanwhile ("{crate::format::counted(count, "rule", "rules")}", revision "{theirs.revision}
                    "). Your edits are still here and not saved: fetch theirs and lose yours, or keep yours, which replace theirs when you save."
                </span>
                <span class="buttons">
                    <button class="button small" id="fetch-theirs" data-test="fetch-theirs" on:click=move |_| editor.adopt(theirs.clone())>"Fetch theirs"</button>
                    <button class="button small" data-test="keep-mine" on:click=keep_mine>"Keep mine"</button>
                </span>
            </div>
        </Notice>
    }
}

#[component]
fn SaveBar(editor: Editor) -> impl IntoView {
    let faults = Memo::new(move |_| editor.errors.with(Vec::len) as u64);
    let discard = move |_| editor.adopt(editor.saved.get_untracked());
    move || {
        editor.is_dirty.get().then(|| view! {
            <div class="save-bar" data-test="save-bar">
                <span class="words" role="status">
                    {move || match editor.removed.get() {
                        Some((_, rule)) => view! {
                            "“"{rule.name}"” removed. "
                            <button class="button small" id="undo-remove" data-test="undo-remove" on:click=move |_| editor.undo_remove()><IconView icon=Icon::Undo/>"Undo"</button>
                        }.into_any(),
                        None if faults.get() > 0 => view! { {crate::format::counted(faults.get(), "rule is", "rules are")}" not finished." }.into_any(),
                        None => "Edits are not saved.".into_any(),
                    }}
                </span>
                <button class="button" data-test="discard-rules" on:click=discard>"Discard edits"</button>
                <button class="button primary" data-test="save-rules" disabled=move || editor.is_busy.get() || editor.theirs.with(Option::is_some) on:click=move |_| editor.save()>"Save rules"</button>
            </div>
        })
    }
}

#[component]
fn RuleItem(editor: Editor, key_of_rule: u32) -> impl IntoView {
    let key = key_of_rule;
    let rule = Memo::new(move |old: Option<&DraftRule>| {
        let found = editor.rules.with(|rules| rules.iter().find(|rule| rule.key == key).cloned());
        found.or_else(|| old.cloned()).unwrap_or_default()
    });
    let place = Memo::new(move |_| {
        editor.rules.with(|rules| rules.iter().position(|rule| rule.key == key).unwrap_or_default())
    });
    let count = Memo::new(move |_| editor.rules.with(Vec::len));
    let name = Memo::new(move |_| rule.with(|rule| rule.name.clone()));
    let pool_id = Memo::new(move |_| rule.with(|rule| rule.pool_id.clone()));
    let is_active = Memo::new(move |_| rule.with(|rule| rule.is_active));
    let name_fault = editor.fault_at(key, || "id".to_owned());
    let pool_fault = editor.fault_at(key, || "pool_id".to_owned());
    let no_condition = editor.fault_at(key, || "conditions".to_owned());
    let is_faulty =
        Memo::new(move |_| editor.errors.with(|errors| errors.iter().any(|fault| fault.key == key)));
    let verdict = Memo::new(move |_| {
        editor.tried.with(|tried| {
            let checks = &tried.as_ref()?.rules;
            checks.iter().find(|check| check.rule_id.as_str() == key.to_string()).map(|check| check.verdict)
        })
    });
    let on_key = move |event: KeyboardEvent| {
        if event.alt_key() && matches!(event.key().as_str(), "ArrowUp" | "ArrowDown") {
            event.prevent_default();
            editor.shift(key, if event.key() == "ArrowUp" { -1 } else { 1 });
        }
    };
    let on_leave = move |event: web_sys::FocusEvent| {
        let item = element::<Element>(&format!("rule-{key}"));
        let next = event.related_target().and_then(|next| next.dyn_into::<web_sys::Node>().ok());
        if !item.is_some_and(|item| item.contains(next.as_ref()))
            && editor.fresh.with_untracked(|fresh| fresh.contains(&key))
        {
            editor.fresh.update(|fresh| {
                fresh.remove(&key);
            });
        }
    };
    let conditions =
        move || rule.with(|rule| rule.conditions.iter().map(|condition| condition.key).collect::<Vec<_>>());
    let add_condition = move |_| {
        let condition = editor.next_key();
        editor.fresh.update(|fresh| {
            fresh.insert(key);
        });
        editor.change(key, |rule| rule.conditions.push(DraftCondition::new(condition)));
        later(move || focus(&format!("condition-{condition}-field")));
    };
    let domain_pattern = Memo::new(move |_| rule.with(|rule| rule.domain_pattern.clone()));
    let path_pattern = Memo::new(move |_| rule.with(|rule| rule.path_pattern.clone()));
    view! {
        <li id=format!("rule-{key}") class="panel rule" class:inactive=move || !is_active.get() class:decides=move || verdict.get() == Some(RuleVerdict::Matched) data-test="rule" data-name=move || name.get() on:keydown=on_key on:focusout=on_leave>
            <div class="rule-head">
                <span class="place" aria-hidden="true">{move || place.get() + 1}</span>
                <label class="active"><input type="checkbox" data-test="active" prop:checked=move || is_active.get() on:change:target=move |event| { let on = event.target().checked(); editor.change(key, |rule| rule.is_active = on); }/>"Active"</label>
                <div class="field name">
                    <input
                        id=format!("rule-{key}-name")
                        class="input"
                        type="text"
                        data-test="rule-name"
                        aria-label=move || format!("Name of rule {}", place.get() + 1)
                        aria-invalid=move || name_fault.get().is_some().then_some("true")
                        prop:value=move || name.get()
                        on:input:target=move |event| { let typed = event.target().value(); editor.change(key, |rule| rule.name = typed); }
                    />
                    {move || name_fault.get().map(|fault| view! { <p class="field-error" data-test="field-error">{fault}</p> })}
                </div>
                <span class="arrow" aria-hidden="true">"→"</span>
                <div class="field pool">
                    <select
                        class="input"
                        data-test="rule-pool"
                        aria-label=move || format!("Pool of rule {}", place.get() + 1)
                        aria-invalid=move || pool_fault.get().is_some().then_some("true")
                        on:change:target=move |event| { let id = event.target().value(); editor.change(key, |rule| rule.pool_id = id); }
                    >
                        {move || {
                            let chosen = pool_id.get();
                            let pools = editor.pools.get();
                            let is_gone = !pools.iter().any(|pool| pool.0 == chosen);
                            let gone = is_gone.then(|| view! { <option value="" selected=true>"A pool that is gone"</option> });
                            let pools = pools.into_iter().map(|(id, name)| { let selected = id == chosen; view! { <option value=id selected=selected>{name}</option> } }).collect_view();
                            (gone, pools)
                        }}
                    </select>
                    {move || pool_fault.get().map(|fault| view! { <p class="field-error" data-test="field-error">{fault}</p> })}
                </div>
                <div class="moves">
                    <button type="button" class="button small quiet icon-only" data-test="up" aria-label=move || format!("Move rule {} up", place.get() + 1) title="Move up (Alt ↑)" aria-disabled=move || (place.get() == 0).to_string() on:click=move |_| editor.shift(key, -1)><IconView icon=Icon::ArrowUp/></button>
                    <button type="button" class="button small quiet icon-only" data-test="down" aria-label=move || format!("Move rule {} down", place.get() + 1) title="Move down (Alt ↓)" aria-disabled=move || (place.get() + 1 >= count.get()).to_string() on:click=move |_| editor.shift(key, 1)><IconView icon=Icon::ArrowDown/></button>
                    <button type="button" class="button small quiet icon-only" data-test="remove" aria-label=move || format!("Remove rule {}", place.get() + 1) title="Remove" on:click=move |_| editor.remove(key)><IconView icon=Icon::Close/></button>
                </div>
            </div>
            <ul class="conditions">
                <For each=conditions key=|condition| *condition let:condition>
                    <ConditionItem editor key_of_rule=key rule condition is_faulty/>
                </For>
                {move || domain_pattern.get().is_some().then(|| view! { <PatternItem editor key_of_rule=key rule is_domain=true is_faulty/> })}
                {move || path_pattern.get().is_some().then(|| view! { <PatternItem editor key_of_rule=key rule is_domain=false is_faulty/> })}
            </ul>
            <div class="rule-foot">
                <button type="button" class="button small quiet" data-test="add-condition" data-invalid=move || no_condition.get().is_some().then_some("true") on:click=add_condition><IconView icon=Icon::Plus/>"Condition"</button>
                {move || no_condition.get().map(|fault| view! { <p class="field-error" data-test="field-error">{fault}</p> })}
                <span class="spacer"></span>
                {move || verdict.get().map(|verdict| {
                    let (class, words) = match verdict {
                        _ if is_faulty.get() => ("verdict", "not finished: not tried"),
                        RuleVerdict::Matched => ("verdict matched", "decides"),
                        RuleVerdict::Failed => ("verdict", "does not match"),
                        RuleVerdict::Shadowed => ("verdict", "would match, but a rule above decides"),
                        RuleVerdict::Inactive => ("verdict", "not active: not tried"),
                    };
                    view! { <span class=class data-test="verdict">{words}</span> }
                })}
            </div>
        </li>
    }
}

/// What became of the condition at a place of a rule, where a page is tried and the rule can be
fn check_at(
    editor: Editor,
    key: u32,
    place: impl Fn() -> usize + Send + Sync + 'static,
    is_faulty: Memo<bool>,
) -> Memo<Option<ConditionCheck>> {
    Memo::new(move |_| {
        let place = place();
        editor.tried.with(|tried| {
            let rule =
                tried.as_ref()?.rules.iter().find(|check| check.rule_id.as_str() == key.to_string())?;
            rule.conditions.get(place).filter(|_| !is_faulty.get()).cloned()
        })
    })
}

/// Whether a condition holds, and what the page has where it does not
#[component]
fn Check(check: Memo<Option<ConditionCheck>>) -> impl IntoView {
    move || {
        check.get().map(|check| {
            let actual = match check.actual.as_slice() {
                [] => "the page has none".to_owned(),
                values => format!("the page has {}", values.iter().map(|value| format!("“{value}”")).collect::<Vec<_>>().join(", ")),
            };
            match check.holds {
                true => view! { <span class="check holds" data-test="check" data-holds="true" title=actual><IconView icon=Icon::Check/>"holds"</span> }.into_any(),
                false => view! { <span class="check" data-test="check" data-holds="false"><IconView icon=Icon::Close/>{actual}</span> }.into_any(),
            }
        })
    }
}

#[component]
fn ConditionItem(
    editor: Editor,
    key_of_rule: u32,
    rule: Memo<DraftRule>,
    condition: u32,
    is_faulty: Memo<bool>,
) -> impl IntoView {
    let key = key_of_rule;
    let place = Memo::new(move |old: Option<&usize>| {
        let found = rule.with(|rule| rule.conditions.iter().position(|found| found.key == condition));
        found.or(old.copied()).unwrap_or_default()
    });
    let of = Memo::new(move |old: Option<&DraftCondition>| {
        let found = rule.with(|rule| rule.conditions.iter().find(|found| found.key == condition).cloned());
        found.or_else(|| old.cloned()).unwrap_or_else(|| DraftCondition::new(condition))
    });
    let is_param = Memo::new(move |_| of.with(|of| of.field == PageField::QueryParam));
    let param_fault = editor.fault_at(key, move || format!("conditions[{}].param", place.get()));
    let value_fault = editor.fault_at(key, move || format!("conditions[{}].value", place.get()));
    let check = check_at(editor, key, move || place.get(), is_faulty);
    let remove = move |_| {
        editor.change(key, |rule| rule.conditions.retain(|found| found.key != condition));
        // The focus goes where the next condition is made.
        later(move || {
            if let Ok(Some(add)) =
                document().query_selector(&format!("#rule-{key} [data-test=add-condition]"))
                && let Ok(add) = add.dyn_into::<HtmlElement>()
            {
                let _ = add.focus();
            }
        });
    };
    let set_field = move |name: String| {
        if let Some((field, ..)) = FIELDS.iter().find(|field| field.1 == name) {
            editor.change_condition(key, condition, |of| of.field = *field);
        }
    };
    let set_operator = move |label: String| {
        if let Some(operator) = OPERATORS.into_iter().find(|operator| operator.label() == label) {
            editor.change_condition(key, condition, |of| of.operator = operator);
        }
    };
    view! {
        <li class="condition" data-test="condition">
            <span class="and" aria-hidden="true">{move || if place.get() == 0 { "when" } else { "and" }}</span>
            <select id=format!("condition-{condition}-field") class="input" data-test="condition-field" aria-label="Compares" on:change:target=move |event| set_field(event.target().value())>
                {FIELDS.into_iter().map(|(field, value, name)| view! { <option value=value selected=move || of.with(|of| of.field == field)>{name}</option> }).collect_view()}
            </select>
            {move || is_param.get().then(|| view! {
                <input
                    class="input param"
                    type="text"
                    spellcheck="false"
                    placeholder="utm_source"
                    data-test="condition-param"
                    aria-label="Name of the query parameter"
                    aria-invalid=move || param_fault.get().is_some().then_some("true")
                    prop:value=move || of.with(|of| of.param.clone())
                    on:input:target=move |event| { let typed = event.target().value(); editor.change_condition(key, condition, |of| of.param = typed); }
                />
            })}
            <select class="input" data-test="condition-operator" aria-label="How" on:change:target=move |event| set_operator(event.target().value())>
                {OPERATORS.into_iter().map(|operator| view! { <option value=operator.label() selected=move || of.with(|of| of.operator == operator)>{operator.label()}</option> }).collect_view()}
            </select>
            <input
                class="input value"
                type="text"
                spellcheck="false"
                placeholder=move || of.with(|of| match of.field { PageField::Domain => "www.example.com", PageField::Path => "/pricing", PageField::QueryParam => "newsletter" })
                data-test="condition-value"
                aria-label="Value"
                aria-invalid=move || value_fault.get().is_some().then_some("true")
                prop:value=move || of.with(|of| of.value.clone())
                on:input:target=move |event| { let typed = event.target().value(); editor.change_condition(key, condition, |of| of.value = typed); }
            />
            <button type="button" class="button small quiet icon-only" data-test="remove-condition" aria-label="Remove condition" title="Remove condition" on:click=remove><IconView icon=Icon::Close/></button>
            <Check check/>
            {move || param_fault.get().or_else(|| value_fault.get()).map(|fault| view! { <p class="field-error" data-test="field-error">{fault}</p> })}
        </li>
    }
}

/// The older form of a condition: one pattern for the domain or the path
#[component]
fn PatternItem(
    editor: Editor,
    key_of_rule: u32,
    rule: Memo<DraftRule>,
    is_domain: bool,
    is_faulty: Memo<bool>,
) -> impl IntoView {
    let key = key_of_rule;
    let typed = Memo::new(move |_| {
        rule.with(|rule| if is_domain { rule.domain_pattern.clone() } else { rule.path_pattern.clone() })
            .unwrap_or_default()
    });
    let set = move |pattern: Option<String>| {
        editor.change(key, |rule| {
            *(if is_domain { &mut rule.domain_pattern } else { &mut rule.path_pattern }) = pattern
        })
    };
    let fault =
        editor.fault_at(key, move || if is_domain { "domain_pattern" } else { "path_pattern" }.to_owned());
    // Patterns come last in what became of a rule, the domain's before the path's.
    let place = move || {
        rule.with(|rule| rule.conditions.len() + usize::from(!is_domain && rule.domain_pattern.is_some()))
    };
    let check = check_at(editor, key, place, is_faulty);
    let (name, forms) = match is_domain {
        true => ("Domain pattern", "* any, example.com that domain, *.example.com any domain below it"),
        false => (
            "Path pattern",
            "* any, /a that path, /a* paths that begin so, /a/* one segment below, /a/** it and all below",
        ),
    };
    view! {
        <li class="condition pattern" data-test="pattern">
            <span class="and" aria-hidden="true">"and"</span>
            <span class="pattern-name" title=forms>{name}" matches"</span>
            <input
                class="input value mono"
                type="text"
                spellcheck="false"
                data-test=if is_domain { "domain-pattern" } else { "path-pattern" }
                aria-label=name
                aria-description=forms
                aria-invalid=move || fault.get().is_some().then_some("true")
                prop:value=move || typed.get()
                on:input:target=move |event| set(Some(event.target().value()))
            />
            <button type="button" class="button small quiet icon-only" aria-label="Remove pattern" title="Remove pattern" on:click=move |_| set(None)><IconView icon=Icon::Close/></button>
            <Check check/>
            {move || fault.get().map(|fault| view! { <p class="field-error" data-test="field-error">{fault}</p> })}
        </li>
    }
}

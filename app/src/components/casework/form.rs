//! The dialog in which something is done to a case: checked before it is sent, sent once, refused at the field.

use crate::api::{self, ApiError};
use crate::components::modal::Modal;
use crate::state::case_forms::{Asked, CaseForm, Field, Kind, Values, asked};
use crate::state::rpc::Rpc;
use crate::state::toasts::use_toasts;
use crate::state::{clock, url};
use contract::{CaseDetail, CaseDocument, CaseFacets};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The form that the address names, if it names one; closing it takes the name away
///
/// `on_done` runs after something was done.
#[component]
pub fn CaseFormDialog(
    detail: Signal<CaseDetail>,
    facets: CaseFacets,
    me: String,
    on_done: Callback<()>,
) -> impl IntoView {
    let named = url::parameter("form");
    let form = Memo::new(move |_| named.with(|name| CaseForm::of(name)));
    let is_open = RwSignal::new(form.get_untracked().is_some());
    let set = url::use_set_parameters();
    Effect::new(move |_| {
        let wanted = form.get().is_some();
        if is_open.get_untracked() != wanted {
            is_open.set(wanted);
        }
    });
    Effect::new(move |was_open: Option<bool>| {
        let is_open = is_open.get();
        if was_open == Some(true) && !is_open && form.get_untracked().is_some() {
            set(&[("form", ""), ("about", "")]);
        }
        is_open
    });
    let facets = StoredValue::new(facets);
    let me = StoredValue::new(me);
    let about = url::parameter("about");
    view! {
        <Modal is_open label="Case form" class="case-form" test="case-form">
            {move || form.get().map(|form| {
                // What was known when the form was opened: it does not change under the hand that fills it in.
                let detail = detail.get_untracked();
                let asked = facets.with_value(|facets| me.with_value(|me| {
                    asked(form, &detail, facets, &about.get_untracked(), me)
                }));
                view! { <FilledIn asked detail is_open on_done/> }
            })}
        </Modal>
    }
}

/// What is under way with one form
#[derive(Clone, Copy)]
struct Filling {
    asked: StoredValue<Arc<Asked>>,
    values: RwSignal<Values>,
    /// What is wrong before it is sent, by field.
    problems: RwSignal<BTreeMap<&'static str, String>>,
    files: StoredValue<BTreeMap<&'static str, web_sys::File>, LocalStorage>,
    rpc: Rpc,
}

#[component]
fn FilledIn(
    asked: Asked,
    detail: CaseDetail,
    is_open: RwSignal<bool>,
    on_done: Callback<()>,
) -> impl IntoView {
    let toasts = use_toasts();
    let values = RwSignal::new(asked.first.clone());
    let asked = Arc::new(asked);
    let filling = Filling {
        asked: StoredValue::new(asked.clone()),
        values,
        problems: RwSignal::new(BTreeMap::new()),
        files: StoredValue::new_local(BTreeMap::new()),
        rpc: Rpc::new(asked.form.rpc()),
    };
    let case_id = StoredValue::new(detail.case.id.clone());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if filling.check() {
            let send = move |key: String| async move { filling.send(&case_id.get_value(), &key).await };
            filling.rpc.run(send, move |()| {
                toasts.say(filling.asked.with_value(|asked| asked.done));
                is_open.set(false);
                on_done.run(());
            });
        }
    };
    let keys: Vec<&str> = asked.fields.iter().map(|field| field.key).collect();
    let refusal = filling.rpc.error_beside(keys);
    let documents = StoredValue::new(detail.documents);
    let fields = asked
        .fields
        .iter()
        .enumerate()
        .map(|(place, _)| view! { <FieldView filling place documents/> })
        .collect_view();
    view! {
        <form class="body" on:submit=submit novalidate>
            <h2>{asked.title}</h2>
            {asked.lead.clone().map(|lead| view! { <p>{lead}</p> })}
            {fields}
            {move || refusal.get().map(|words| view! { <p class="field-error" role="alert" data-test="form-error">{words}</p> })}
            <div class="buttons">
                <button type="button" class="button" data-test="form-cancel" on:click=move |_| is_open.set(false)>"Cancel"</button>
                <button class=if asked.is_dangerous { "button danger solid" } else { "button primary" } data-test="form-submit" disabled=move || filling.rpc.is_busy.get()>
                    {let verb = asked.verb; move || if filling.rpc.is_busy.get() { "Sending…" } else { verb }}
                </button>
            </div>
        </form>
    }
}

impl Filling {
    /// Shows what is wrong with what was typed; true where nothing is.
    fn check(self) -> bool {
        let today = clock::today();
        let problems: BTreeMap<_, _> = self.asked.with_value(|asked| {
            self.values.with_untracked(|values| {
                asked
                    .fields
                    .iter()
                    .filter_map(|field| Some((field.key, field.problem(values, &today)?)))
                    .collect()
            })
        });
        let is_good = problems.is_empty();
        self.problems.set(problems);
        self.rpc.error.set(None);
        is_good
    }

    async fn send(self, case_id: &str, key: &str) -> Result<(), ApiError> {
        let asked = self.asked.get_value();
        // A file first: what follows names where it is kept, and does not send it again.
        for (field, file) in self.files.get_value() {
            let is_shown = asked.fields.iter().any(|named| {
                named.key == field && self.values.with_untracked(|values| (named.is_shown)(values))
            });
            if !is_shown {
                continue;
            }
            let value =
                |key: &str| self.values.with_untracked(|values| values.get(key).cloned().unwrap_or_default());
            let kind = [value("doc_kind"), value("event_kind"), value("stage")]
                .into_iter()
                .chain([value("action_type"), asked.form.name().to_owned()])
                .find(|kind| !kind.is_empty())
                .unwrap_or_default();
            let query = url::query_string([
                ("doc_kind", kind.as_str()),
                ("file_name", file.name().as_str()),
                ("action_id", value("action_id").as_str()),
            ]);
            let stored = api::upload_document(case_id, &format!("{key}:{field}"), &query, &file).await?;
            self.files.update_value(|files| {
                files.remove(field);
            });
            self.values.update(|values| {
                values.insert(field, stored.storage_path);
            });
        }
        if asked.form == CaseForm::Document {
            return Ok(());
        }
        let body: Value = self.values.with_untracked(|values| asked.body(case_id, values));
        api::rpc(asked.form.rpc(), key, &body).await.map(drop)
    }

    fn set(self, key: &'static str, value: String) {
        self.values.update(|values| {
            values.insert(key, value);
        });
        self.problems.update(|problems| {
            problems.remove(key);
        });
        self.rpc.forget(key);
    }

    fn value(self, key: &'static str) -> String {
        self.values.with(|values| values.get(key).cloned().unwrap_or_default())
    }
}

#[component]
fn FieldView(filling: Filling, place: usize, documents: StoredValue<Vec<CaseDocument>>) -> impl IntoView {
    let asked = filling.asked.get_value();
    let with = move |read: &dyn Fn(&Field) -> bool| {
        filling.asked.with_value(|asked| asked.fields.get(place).is_some_and(read))
    };
    let is_shown = Memo::new(move |_| filling.values.with(|values| with(&|field| (field.is_shown)(values))));
    let is_required =
        Memo::new(move |_| filling.values.with(|values| with(&|field| (field.is_required)(values))));
    let hint = Memo::new(move |_| {
        filling.values.with(|values| {
            filling.asked.with_value(|asked| asked.fields.get(place).and_then(|field| (field.hint)(values)))
        })
    });
    move || {
        let field = asked.fields.get(place).filter(|_| is_shown.get())?;
        let key = field.key;
        let id = format!("form-{}", key.replace('.', "-"));
        let error_id = format!("{id}-error");
        let refusal = filling.rpc.error_at(key);
        let problem = Memo::new(move |_| {
            filling.problems.with(|problems| problems.get(key).cloned()).or_else(|| refusal.get())
        });
        let invalid = move || problem.with(Option::is_some).to_string();
        let described = {
            let error_id = error_id.clone();
            move || problem.with(Option::is_some).then(|| error_id.clone())
        };
        let is_first = place == 0;
        let label = field.label;
        let test = format!("field-{}", key.rsplit('.').next().unwrap_or(key));
        let input = match &field.kind {
            Kind::Check => {
                let label_test = test.clone();
                return Some(view! {
                    <div class="field">
                        <label class="check"><input type="checkbox" data-test=label_test prop:checked=move || filling.value(key) == "true" aria-invalid=invalid on:change:target=move |event| filling.set(key, event.target().checked().to_string())/>{label}</label>
                        {move || problem.get().map(|words| view! { <p class="field-error" role="alert" data-test="field-error">{words}</p> })}
                    </div>
                }.into_any());
            }
            Kind::Select(options) => {
                let options = options.clone();
                let has_blank = options.iter().any(|(value, _)| value.is_empty());
                view! {
                    <select id=id.clone() class="input" data-test=test autofocus=is_first aria-invalid=invalid aria-describedby=described prop:value=move || filling.value(key) on:change:target=move |event| filling.set(key, event.target().value())>
                        {(!has_blank).then(|| view! { <option value="" disabled=true selected=move || filling.value(key).is_empty()>"Choose…"</option> })}
                        {options.into_iter().map(|(value, name)| {
                            let this = value.clone();
                            view! { <option value=value selected=move || filling.value(key) == this>{name}</option> }
                        }).collect_view()}
                    </select>
                }.into_any()
            }
            Kind::Note => view! {
                <textarea id=id.clone() class="input" rows="3" data-test=test autofocus=is_first aria-invalid=invalid aria-describedby=described prop:value=move || filling.value(key) on:input:target=move |event| filling.set(key, event.target().value())></textarea>
            }.into_any(),
            Kind::Text | Kind::Money | Kind::Day(_) => {
                let kind = if matches!(field.kind, Kind::Day(_)) { "date" } else { "text" };
                let mode = matches!(field.kind, Kind::Money).then_some("decimal");
                view! {
                    <input id=id.clone() class="input" type=kind inputmode=mode autocomplete="off" data-test=test autofocus=is_first aria-invalid=invalid aria-describedby=described prop:value=move || filling.value(key) on:input:target=move |event| filling.set(key, event.target().value())/>
                }.into_any()
            }
            Kind::File => view! { <FileField filling key id=id.clone() test documents form=asked.form/> }.into_any(),
        };
        Some(view! {
            <div class="field">
                <label for=id>{label}{move || (!is_required.get()).then(|| view! { <span class="optional">" – optional"</span> })}</label>
                {input}
                {move || hint.get().map(|words| view! { <span class="hint">{words}</span> })}
                {move || problem.get().map(|words| view! { <p class="field-error" role="alert" id=error_id.clone() data-test="field-error">{words}</p> })}
            </div>
        }.into_any())
    }
}

/// A document that the case has, or a file that becomes one when the form is sent
#[component]
fn FileField(
    filling: Filling,
    key: &'static str,
    id: String,
    test: String,
    documents: StoredValue<Vec<CaseDocument>>,
    form: CaseForm,
) -> impl IntoView {
    /// Stands for the file until it has a place.
    const FILE: &str = "file";
    let mut known = documents.get_value();
    known.retain(|document| form.takes(document));
    let take = move |input: web_sys::HtmlInputElement| match input.files().and_then(|files| files.get(0)) {
        Some(file) => {
            filling.files.update_value(|files| {
                files.insert(key, file);
            });
            filling.set(key, FILE.to_owned());
        }
        None => {
            filling.files.update_value(|files| {
                files.remove(key);
            });
            filling.set(key, String::new());
        }
    };
    let choose = move |path: String| {
        filling.files.update_value(|files| {
            files.remove(key);
        });
        filling.set(key, path);
    };
    view! {
        <div class="file-field">
            {(!known.is_empty()).then(|| view! {
                <select class="input" aria-label="A document of the case" data-test=format!("{test}-known") on:change:target=move |event| choose(event.target().value())>
                    <option value="">"Choose a document of the case…"</option>
                    {known.into_iter().map(|document| {
                        let name = document.file_name.clone().unwrap_or_else(|| document.storage_path.rsplit('/').next().unwrap_or_default().to_owned());
                        view! { <option value=document.storage_path>{format!("{} – {name}", crate::format::words(&document.doc_kind))}</option> }
                    }).collect_view()}
                </select>
                <span class="muted">"or"</span>
            })}
            <input id=id type="file" class="file" data-test=test accept=".pdf,.png,.jpg,.jpeg,.tif,.tiff,.docx,.xlsx,.txt,.csv" on:change:target=move |event| take(event.target())/>
        </div>
    }
}

//! After a publish: what the preview showed beside what was written.

use super::icon::{Icon, IconView};
use super::migration_matrix::{Cells, MigrationMatrix};
use super::notice::{Notice, Tone};
use super::refresh_progress::RefreshProgress;
use crate::format;
use contract::{RefreshRun, RefreshState};
use leptos::prelude::*;

#[component]
pub fn Reconciliation(
    #[prop(into)] run: Signal<RefreshRun>,
    #[prop(into)] on_close: Callback<()>,
) -> impl IntoView {
    let both = Memo::new(move |_| {
        run.with(|run| {
            run.previewed
                .as_ref()
                .zip(run.actual.as_ref())
                .map(|(previewed, actual)| (Cells::from(previewed), Cells::from(actual), previewed == actual))
        })
    });
    let has_both =
        Memo::new(move |_| both.with(Option::is_some) && run.with(|run| run.state == RefreshState::Done));
    let is_equal = Memo::new(move |_| both.with(|both| both.as_ref().is_some_and(|both| both.2)));
    let previewed =
        Signal::derive(move || both.with(|both| both.as_ref().map(|both| both.0).unwrap_or_default()));
    let actual =
        Signal::derive(move || both.with(|both| both.as_ref().map(|both| both.1).unwrap_or_default()));
    let moved_count = move || run.with(|run| run.facts_moved);
    view! {
        <section class="panel reconciliation-panel" aria-labelledby="reconciliation-title">
            <header>
                <h2 id="reconciliation-title">{move || run.with(|run| format!("Revision {} is published", run.policy_revision))}</h2>
                <span class="spacer"></span>
                <button class="button quiet small icon-only" aria-label="Close" data-test="reconciliation-close" on:click=move |_| on_close.run(())><IconView icon=Icon::Close/></button>
            </header>
            <div class="content">
                <RefreshProgress run/>
                {move || has_both.get().then(|| view! {
                    <div class="reconciliation" data-test="reconciliation" data-equal=move || is_equal.get().to_string()>
                        <p class="verdict" role="status">
                            {move || if is_equal.get() {
                                view! { <span class="equal"><IconView icon=Icon::Check/>"Equal: every judgment went where the preview showed it, cell for cell and cent for cent."</span> }.into_any()
                            } else {
                                view! { <span class="differs"><IconView icon=Icon::Alert/>"Different: the marked cells are not what the preview showed."</span> }.into_any()
                            }}
                            {move || (moved_count() > 0).then(|| format!(
                                " The facts of {} moved between the publish and its re-tiering; they were tiered on their new facts.",
                                format::counted(moved_count(), "judgment", "judgments"),
                            ))}
                        </p>
                        {move || (run.with(|run| run.drifted) > 0).then(|| view! { <Drift run=run.get()/> })}
                        <div class="side-by-side">
                            <div><h3>"Previewed"</h3><MigrationMatrix cells=previewed caption="Previewed" prefix="previewed"/></div>
                            <div><h3>"Actual"</h3><MigrationMatrix cells=actual caption="Actual" prefix="actual" against=previewed/></div>
                        </div>
                    </div>
                })}
                {move || run.with(|run| run.state == RefreshState::Running).then(|| view! {
                    <p class="muted">"The reconciliation appears here when every judgment is re-tiered. You can leave this page: the Tiers page links back to it."</p>
                })}
            </div>
        </section>
    }
}

/// The stored SQL did not do what the policy says; a fault, never a change of facts
#[component]
fn Drift(run: RefreshRun) -> impl IntoView {
    let named = run.drifts.into_iter().map(|drift| {
        let decided = drift.decided.map_or_else(|| "nothing".to_owned(), |tier| format!("tier {}", tier.number()));
        let words = format!(": tier {} written, {decided} decided", drift.written.number());
        view! { <li><a href=format!("/judgments/{}", drift.judgment.id)>{drift.judgment.case_number}</a>{words}</li> }
    });
    view! {
        <Notice tone=Tone::Error>
            <div data-test="drift">
                <p>{format!("Drift: {} was written another tier than the policy decides on the same facts. The stored SQL or the database has been changed; tell whoever runs this installation.", format::counted(run.drifted, "judgment", "judgments"))}</p>
                <ul>{named.collect_view()}</ul>
            </div>
        </Notice>
    }
}

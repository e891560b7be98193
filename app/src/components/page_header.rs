//! The head of a page: sets the document's title and takes the focus after a navigation.

use crate::state::focus;
use leptos::html;
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn PageHeader(
    #[prop(into)] title: String,
    /// One line that says what the page answers.
    #[prop(into)]
    lead: String,
    /// The way back up, as (address, name).
    #[prop(optional)]
    parent: Option<(&'static str, &'static str)>,
    /// Buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let heading = NodeRef::<html::H1>::new();
    focus::on_navigation(heading);
    view! {
        <Title text=title.clone()/>
        <div class="page-header">
            <div class="words">
                {parent.map(|(address, name)| view! { <nav class="crumbs" aria-label="Breadcrumb"><a href=address>{name}</a><span aria-hidden="true">"›"</span></nav> })}
                <h1 node_ref=heading tabindex="-1">{title}</h1>
                <p class="lead">{lead}</p>
            </div>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
}

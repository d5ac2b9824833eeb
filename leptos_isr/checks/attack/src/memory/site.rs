//! Leptos pages with all that a render allocates in its owner: resources,
//! contexts, signals, memos, effects, nested components.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use leptos::prelude::*;
use leptos_isr::{Engine, Isr, LeptosPages};
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    components::{Outlet, ParentRoute, Route, Router as LeptosRouter, Routes},
    hooks::use_params_map,
    path,
};

use crate::Error;

/// Small, so that stored pages do not count.
const MEMORY: u64 = 1 << 20;

static MADE: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Something that a page holds; it is counted when it is made and when it goes.
#[derive(Debug)]
struct Value(String);

impl Value {
    fn new(name: &str) -> Self {
        MADE.fetch_add(1, Ordering::Relaxed);
        Self(name.repeat(16))
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        MADE.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) struct Site {
    engine: Engine,
    _router: Router,
}

impl Site {
    pub(super) fn new() -> Result<Self, Error> {
        let pages = LeptosPages::discover(App, || provide_context(Value::new("app")))?;
        let engine = Engine::builder(pages.routes().clone()).memory(MEMORY).build()?;
        let options = LeptosOptions::builder().output_name("app").site_root("none").build();
        let _router = engine.wrap(pages.router(&engine, options, shell));
        Ok(Self { engine, _router })
    }

    pub(super) async fn regenerate(&self, pages: &[String]) -> Result<(), Error> {
        for page in self.engine.regenerate(pages).await? {
            let (status, is_stored) = page.result?;
            if status != 200 || !is_stored {
                return Err(format!("{} is not stored: {status}", page.page).into());
            }
        }
        Ok(())
    }

    pub(super) fn values_made(&self) -> u64 {
        MADE.load(Ordering::Relaxed)
    }

    /// How many values are still there.
    pub(super) fn values_alive(&self) -> u64 {
        self.values_made() - DROPPED.load(Ordering::Relaxed)
    }
}

fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html>
            <head><HydrationScripts options/><MetaTags/></head>
            <body><App/></body>
        </html>
    }
}

#[component]
fn App() -> impl IntoView {
    provide_meta_context();
    provide_context(RwSignal::new(0));
    view! {
        <LeptosRouter>
            <Routes fallback=|| "No such page">
                <ParentRoute path=path!("") view=Frame>
                    <Route path=path!("/same") view=Page ssr=Isr::forever().into()/>
                    <Route path=path!("/page/:id") view=Page
                        ssr=Isr::forever().tag("page:{id}").into()/>
                </ParentRoute>
            </Routes>
        </LeptosRouter>
    }
}

#[component]
fn Frame() -> impl IntoView {
    let kept = StoredValue::new(Value::new("frame"));
    view! {
        <header>{move || kept.with_value(|value| value.0.len())}</header>
        <main><Outlet/></main>
    }
}

/// As a server function answers: later, and with its own context.
async fn load(id: String) -> Result<Vec<String>, ServerFnError> {
    tokio::task::yield_now().await;
    let value = expect_context::<Value>();
    leptos_isr::tag(format!("read:{id}"));
    Ok((0..40).map(|row| format!("{id}, row {row} of {}", value.0.len())).collect())
}

#[component]
fn Page() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let value = Value::new("page");
    provide_context(value.clone());
    let rows = Resource::new(move || id.get(), load);
    let total = LocalResource::new(|| async { 1 });
    let count = expect_context::<RwSignal<i32>>();
    let (seen, set_seen) = signal(0);
    Effect::new(move |_| set_seen.set(value.0.len() + count.get() as usize));
    on_cleanup({
        let value = Value::new("cleanup");
        move || drop(value)
    });
    view! {
        // No closure over `id`: leptos_meta calls it when the page's owner may be gone.
        <Title text=id.get_untracked()/>
        <h1>{move || id.get()} {seen}</h1>
        <Suspense fallback=|| "loading">
            <ErrorBoundary fallback=|_| "failed">
                {move || rows.get().map(|rows| rows.map(|rows| view! { <Rows rows/> }))}
            </ErrorBoundary>
        </Suspense>
        <Transition fallback=|| "loading">{move || total.get()}</Transition>
        <Show when=move || count.get() == 0>
            <Island level=5/>
        </Show>
    }
}

#[component]
fn Rows(rows: Vec<String>) -> impl IntoView {
    let rows = RwSignal::new(rows);
    let longest = Memo::new(move |_| rows.read().iter().map(String::len).max());
    view! {
        <p>{longest}</p>
        <ul>
            <For each=move || rows.get() key=String::clone let(row)><li>{row}</li></For>
        </ul>
    }
}

/// Each level has a context, a signal and an action of its own.
#[component]
fn Island(level: u32) -> AnyView {
    let value = Value::new("level");
    let len = value.0.len();
    provide_context(value);
    let shown = RwSignal::new(level);
    let submit = Action::new(|name: &String| load(name.clone()));
    let inner = (level > 0).then(|| view! { <Island level=level - 1/> });
    view! {
        <div class:pending=move || submit.pending().get()>{shown} {len} {inner}</div>
    }
    .into_any()
}

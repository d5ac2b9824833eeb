//! Asks for the page that is shown, and takes over what differs.

use std::{cell::RefCell, mem};

use leptos::{
    prelude::{document, window},
    wasm_bindgen::{JsCast, JsValue},
};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Document, DomParser, Element, Node, NodeList, Response, SupportedType, console,
    js_sys::{Function, Reflect},
};

use super::pairs::{Child, pair};
use crate::{
    page::{context::here, new_build},
    wire,
};

/// What the document is asked for.
#[derive(Default)]
struct Queue {
    selectors: Vec<String>,
    is_running: bool,
}

thread_local! {
    static QUEUE: RefCell<Queue> = RefCell::default();
}

pub(super) fn refresh(selector: &str) {
    let was_running = QUEUE.with_borrow_mut(|queue| {
        if !queue.selectors.iter().any(|known| known == selector) {
            queue.selectors.push(selector.to_owned());
        }
        mem::replace(&mut queue.is_running, true)
    });
    if !was_running {
        spawn_local(run());
    }
}

/// Asks until nobody has called meanwhile.
async fn run() {
    loop {
        let selectors = QUEUE.with_borrow_mut(|queue| {
            queue.is_running = !queue.selectors.is_empty();
            mem::take(&mut queue.selectors)
        });
        if selectors.is_empty() {
            return;
        }
        if let Err(why) = refresh_all(&selectors).await {
            console::log_2(&"the page is not refreshed:".into(), &why);
        }
    }
}

async fn refresh_all(selectors: &[String]) -> Result<(), JsValue> {
    let page = here()?;
    // A path may begin like the address of another server.
    let address = window().location().origin()? + &page;
    let answer = JsFuture::from(window().fetch_with_str(&address)).await?;
    let answer: Response = answer.unchecked_into();
    let header = |name| answer.headers().get(name).ok().flatten();
    if header(wire::BUILD).is_some_and(|build| new_build::is_of_another(&build)) {
        return Ok(());
    }
    let is_html = header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    if answer.status() != 200 || answer.redirected() || !is_html {
        return Err("the answer is a redirect, no HTML, or has another status than 200".into());
    }
    let html = JsFuture::from(answer.text()?).await?.as_string().unwrap_or_default();
    // A script may have gone to another page meanwhile.
    if here()? != page {
        return Ok(());
    }
    let new = DomParser::new()?.parse_from_string(&html, SupportedType::TextHtml)?;
    selectors.iter().try_for_each(|selector| show(&new, selector))
}

fn show(new: &Document, selector: &str) -> Result<(), JsValue> {
    let (Some(shown), Some(wanted)) =
        (document().query_selector(selector)?, new.query_selector(selector)?)
    else {
        return Err((String::from("there is no ") + selector).into());
    };
    document().set_title(&new.title());
    // Where scripts run, what is in one is text in the document, but elements in `new`.
    remove(&nodes(&new.query_selector_all("noscript")?));
    change(&shown, &wanted)
}

/// Makes `old` what `new` is.
fn change(old: &Node, new: &Node) -> Result<(), JsValue> {
    let (Some(old), Some(new)) = (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) else {
        old.set_node_value(new.node_value().as_deref());
        return Ok(());
    };
    if is_island(old) {
        return match slots(old, new) {
            Some((old, new)) => change_children(&old, &new),
            None => Ok(()),
        };
    }
    for name in new.get_attribute_names().iter().filter_map(|name| name.as_string()) {
        let value = new.get_attribute(&name);
        if value != old.get_attribute(&name) {
            old.set_attribute(&name, &value.unwrap_or_default())?;
        }
    }
    for name in old.get_attribute_names().iter().filter_map(|name| name.as_string()) {
        // The reader opened it.
        if name != "open" && new.get_attribute(&name).is_none() {
            old.remove_attribute(&name)?;
        }
    }
    change_children(old, new)
}

fn change_children(parent: &Element, wanted: &Element) -> Result<(), JsValue> {
    let (old, new) = (nodes(&parent.child_nodes()), nodes(&wanted.child_nodes()));
    let mut here = 0;
    for (new, place) in new.iter().zip(pair(&old, &new)) {
        if let Some(place) = place {
            remove(&old[here..place]);
            here = place + 1;
            if !old[place].is_same(new) {
                change(&old[place], new)?;
            }
        } else {
            parent.insert_before(new, old.get(here))?;
            hydrate(new);
        }
    }
    remove(&old[here..]);
    Ok(())
}

impl Child for Node {
    fn is_same(&self, new: &Self) -> bool {
        match (self.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
            (Some(old), Some(new)) if is_island(old) => {
                is_same_island(old, new)
                    && slots(old, new).is_none_or(|(old, new)| has_same_children(&old, &new))
            }
            // An island in it may have drawn something else since.
            (Some(old), Some(new)) if old.query_selector(ISLAND).is_ok_and(|it| it.is_some()) => {
                let bare = [old, new].map(|it| it.clone_node());
                matches!(&bare, [Ok(old), Ok(new)] if old.is_equal_node(Some(new)))
                    && has_same_children(old, new)
            }
            _ => self.is_equal_node(Some(new)),
        }
    }

    fn may_become(&self, new: &Self) -> bool {
        match (self.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
            (Some(old), Some(new)) if is_island(old) => is_same_island(old, new),
            (Some(old), Some(new)) => {
                old.tag_name() == new.tag_name() && is_same_attribute("id", old, new)
            }
            _ => self.node_type() == new.node_type(),
        }
    }

    fn is_landmark(&self) -> bool {
        self.has_type::<Element>()
    }
}

/// As HTML's elements are named by the document, and found by selectors too.
const ISLAND: &str = "LEPTOS-ISLAND";

fn is_island(element: &Element) -> bool {
    element.tag_name() == ISLAND
}

fn is_same_island(old: &Element, new: &Element) -> bool {
    is_island(new)
        && is_same_attribute("data-component", old, new)
        && is_same_attribute("data-props", old, new)
}

fn is_same_attribute(name: &str, old: &Element, new: &Element) -> bool {
    old.get_attribute(name) == new.get_attribute(name)
}

/// Where two islands show what the server drew as their children, if they do.
fn slots(old: &Element, new: &Element) -> Option<(Element, Element)> {
    let slot = |island: &Element| island.query_selector("leptos-children").ok().flatten();
    slot(old).zip(slot(new))
}

fn has_same_children(old: &Element, new: &Element) -> bool {
    let (old, new) = (nodes(&old.child_nodes()), nodes(&new.child_nodes()));
    old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| old.is_same(new))
}

fn nodes(list: &NodeList) -> Vec<Node> {
    (0..list.length()).filter_map(|index| list.item(index)).collect()
}

fn remove(nodes: &[Node]) {
    for node in nodes {
        if let Some(parent) = node.parent_node() {
            let _ = parent.remove_child(node);
        }
    }
}

/// Hydrates the islands in a node that is new.
fn hydrate(node: &Node) {
    let hydrate = Reflect::get(&window(), &"__isr_hydrate".into()).ok();
    let hydrate = hydrate.and_then(|hydrate| hydrate.dyn_into::<Function>().ok());
    if let (true, Some(hydrate)) = (node.has_type::<Element>(), hydrate) {
        let _ = hydrate.call1(&JsValue::UNDEFINED, node);
    }
}

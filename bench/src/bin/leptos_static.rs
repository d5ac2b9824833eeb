//! The site's app served by Leptos's own static routes, without this library's
//! engine: its settings are those of `server`.

use std::error::Error;

use app::{App, SiteUrl, shell};
use axum::Router;
use clap::Parser;
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list_with_ssg};
use server::{config::Cli, content};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Cli::parse().config;
    let content = content::open(&config, config.content_addr).await?;
    let options = config.leptos_options();
    let (source, editor) = (content.source.clone(), content.editor.clone());
    let site_url = SiteUrl(config.site_url());
    let provide = move || {
        provide_context(source.clone());
        provide_context(editor.clone());
        provide_context(site_url.clone());
    };
    let (routes, static_routes) = generate_route_list_with_ssg(App);
    // Pages are made when they are first asked for; there are too many to make them all.
    drop(static_routes);
    let with_shell = {
        let options = options.clone();
        move || shell(options.clone())
    };
    let router = Router::new()
        .leptos_routes_with_context(&options, routes, provide, with_shell)
        .with_state(options);
    axum::serve(TcpListener::bind(config.site_addr).await?, router).await?;
    Ok(())
}

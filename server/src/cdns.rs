//! The CDNs that the settings name, to be told of purges.

use leptos_isr::{
    Builder,
    purge::{Cdn, SharedCache},
};

use crate::config::Config;

/// Why CDNs cannot be told of purges.
#[derive(Debug, thiserror::Error)]
pub enum CdnError {
    /// A CDN is named without its token, or the other way round.
    #[error("`{given}` is set and `{missing}` is not; set both, or neither")]
    Half {
        /// The variable that is set.
        given: &'static str,
        /// The variable that is not.
        missing: &'static str,
    },
    /// A CDN is told addresses, and how readers reach the site is not known.
    #[error("`{given}` needs `SITE_URL`: a CDN knows pages by the address that readers use")]
    NoSiteUrl {
        /// The variable that is set.
        given: &'static str,
    },
    /// A cache is told of purges, and pages are sent without the headers that it reads.
    #[error("`{given}` needs `ISR_SHARED_CACHE={needed}`: otherwise it keeps no page")]
    OtherCache {
        /// The variable that is set.
        given: &'static str,
        /// The value that the other one needs.
        needed: &'static str,
    },
    /// A CDN is told tags, and pages are sent without.
    #[error(
        "`{given}` needs `ISR_CACHE_TAG=true`: a CDN knows a page's tags only if they are sent"
    )]
    NoTags {
        /// The variable that is set.
        given: &'static str,
    },
}

/// Adds the CDNs that `config` names.
///
/// # Errors
///
/// Names the variable that is missing. What the engine does not take is told
/// when it is built.
pub(crate) fn add(mut builder: Builder, config: &Config) -> Result<Builder, CdnError> {
    let fastly = ["ISR_CDN_FASTLY_SERVICE", "ISR_CDN_FASTLY_TOKEN"];
    if let Some((id, token)) =
        both(fastly, &config.isr_cdn_fastly_service, &config.isr_cdn_fastly_token)?
    {
        let site = knows_pages(fastly[0], config)?;
        builder = builder.cdn(Cdn::fastly(id, token, site));
    }
    let cloudflare = ["ISR_CDN_CLOUDFLARE_ZONE", "ISR_CDN_CLOUDFLARE_TOKEN"];
    if let Some((id, token)) =
        both(cloudflare, &config.isr_cdn_cloudflare_zone, &config.isr_cdn_cloudflare_token)?
    {
        let site = knows_pages(cloudflare[0], config)?;
        builder = builder.cdn(Cdn::cloudflare(id, token, site));
    }
    let varnish = ["ISR_CDN_VARNISH_URL", "ISR_CDN_VARNISH_TOKEN"];
    if let Some((url, token)) =
        both(varnish, &config.isr_cdn_varnish_url, &config.isr_cdn_varnish_token)?
    {
        if config.isr_shared_cache != SharedCache::Varnish {
            return Err(CdnError::OtherCache { given: varnish[0], needed: "varnish" });
        }
        builder = builder.cdn(Cdn::varnish(url, token, knows_pages(varnish[0], config)?));
    }
    let nginx = ["ISR_CDN_NGINX_URL", "ISR_CDN_NGINX_TOKEN"];
    if let Some((url, token)) = both(nginx, &config.isr_cdn_nginx_url, &config.isr_cdn_nginx_token)?
    {
        if config.isr_shared_cache != SharedCache::CacheControl {
            return Err(CdnError::OtherCache { given: nginx[0], needed: "cache-control" });
        }
        builder = builder.cdn(Cdn::nginx(url, token, knows_addresses(nginx[0], config)?));
    }
    let url = ["ISR_CDN_URL", "ISR_CDN_URL_TOKEN"];
    if let Some((url, token)) = both(url, &config.isr_cdn_url, &config.isr_cdn_url_token)? {
        builder = builder.cdn(Cdn::url(url, token));
    }
    Ok(builder)
}

fn both<'a>(
    [name, token_name]: [&'static str; 2],
    value: &'a Option<String>,
    token: &'a Option<String>,
) -> Result<Option<(&'a str, &'a str)>, CdnError> {
    match (value, token) {
        (Some(value), Some(token)) => Ok(Some((value, token))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(CdnError::Half { given: name, missing: token_name }),
        (None, Some(_)) => Err(CdnError::Half { given: token_name, missing: name }),
    }
}

/// The address under which a CDN has the site's pages, and their tags.
fn knows_pages(given: &'static str, config: &Config) -> Result<String, CdnError> {
    let site = knows_addresses(given, config)?;
    if config.isr_cache_tag { Ok(site) } else { Err(CdnError::NoTags { given }) }
}

/// The address under which a CDN has the site's pages.
fn knows_addresses(given: &'static str, config: &Config) -> Result<String, CdnError> {
    if config.site_url.is_none() {
        return Err(CdnError::NoSiteUrl { given });
    }
    Ok(config.site_url())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cli;
    use app::data::answer::with_causes;
    use clap::Parser;
    use leptos_isr::{Engine, route::RouteTable};

    const SITE: [&str; 4] = ["--site-url", "https://news.example", "--isr-cache-tag", "true"];

    const VARNISH: [&str; 4] =
        ["--isr-cdn-varnish-url", "http://127.0.0.1:6081", "--isr-cdn-varnish-token", "t"];
    const NGINX: [&str; 4] =
        ["--isr-cdn-nginx-url", "http://127.0.0.1:80", "--isr-cdn-nginx-token", "t"];

    /// The engine with the CDNs of these flags.
    fn opened(args: &[&str]) -> Result<(), String> {
        let config =
            Cli::try_parse_from([&["server"], args].concat()).map_err(|e| e.to_string())?;
        let builder = add(Engine::builder(RouteTable::new()), &config.config);
        builder.map_err(|error| with_causes(&error))?.build().map_err(|e| with_causes(&e))?;
        Ok(())
    }

    #[test]
    fn every_cdn_is_taken() {
        for args in [
            &["--isr-cdn-fastly-service", "SU1Z0isxPaozGVKXdv0eY", "--isr-cdn-fastly-token", "t"][..],
            &["--isr-cdn-cloudflare-zone", "023e105f4ecef8ad", "--isr-cdn-cloudflare-token", "t"],
            &["--isr-cdn-url", "https://other.example/_isr/purge", "--isr-cdn-url-token", "t"],
            &[&VARNISH[..], &["--isr-shared-cache", "varnish"]].concat(),
            &[&NGINX[..], &["--isr-shared-cache", "cache-control"]].concat(),
        ] {
            assert_eq!(opened(&[&SITE[..], args].concat()), Ok(()), "{args:?}");
        }
        let all = [
            ["--isr-cdn-fastly-service", "a", "--isr-cdn-fastly-token", "t"],
            ["--isr-cdn-cloudflare-zone", "a", "--isr-cdn-cloudflare-token", "t"],
        ];
        assert_eq!(opened(&[&SITE[..], &all.concat()].concat()), Ok(()));
    }

    #[test]
    fn wrong_setting_names_the_variable_and_the_remedy() {
        let fastly = ["--isr-cdn-fastly-service", "a", "--isr-cdn-fastly-token", "t"];
        let cloudflare = ["--isr-cdn-cloudflare-zone", "a", "--isr-cdn-cloudflare-token", "t"];
        for (args, parts) in [
            (vec!["--isr-cdn-fastly-service", "a"], ["`ISR_CDN_FASTLY_TOKEN` is not", "set both"]),
            (vec!["--isr-cdn-fastly-token", "a"], ["`ISR_CDN_FASTLY_SERVICE` is not", "set both"]),
            (vec!["--isr-cdn-cloudflare-zone", "a"], ["`ISR_CDN_CLOUDFLARE_TOKEN`", "set both"]),
            (vec!["--isr-cdn-url", "http://a"], ["`ISR_CDN_URL_TOKEN` is not", "set both"]),
            (fastly.to_vec(), ["`ISR_CDN_FASTLY_SERVICE` needs", "`SITE_URL`"]),
            (VARNISH[..2].to_vec(), ["`ISR_CDN_VARNISH_TOKEN` is not", "set both"]),
            (VARNISH.to_vec(), ["`ISR_CDN_VARNISH_URL` needs", "`ISR_SHARED_CACHE=varnish`"]),
            (NGINX.to_vec(), ["`ISR_CDN_NGINX_URL` needs", "`ISR_SHARED_CACHE=cache-control`"]),
            (
                [&NGINX[..], &["--isr-shared-cache", "cache-control"]].concat(),
                ["`ISR_CDN_NGINX_URL` needs", "`SITE_URL`"],
            ),
            ([&cloudflare[..], &SITE[..2]].concat(), ["`ISR_CDN_CLOUDFLARE_ZONE` needs", "=true`"]),
            (
                [&SITE[..], &fastly[..1], &["a b"], &fastly[2..]].concat(),
                ["fastly a b", "copy the id"],
            ),
            (
                [&SITE[..], &cloudflare[..1], &["a/b"], &cloudflare[2..]].concat(),
                ["cloudflare a/b", "copy the id"],
            ),
            (
                vec!["--isr-cdn-url", "ftp://a", "--isr-cdn-url-token", "t"],
                ["ISR_CDN_URL", "begins with http://"],
            ),
            (
                vec!["--isr-cdn-url", "http://a?b", "--isr-cdn-url-token", "t"],
                ["CDN `http://a?b`", "write it as"],
            ),
        ] {
            let error = opened(&args).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{args:?}: {error}");
        }
    }
}

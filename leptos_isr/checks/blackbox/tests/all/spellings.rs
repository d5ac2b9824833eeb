//! Addresses: one page for all spellings of a path, another for another path,
//! and nothing else of the request.

use blackbox::wire::Request;
use serde_json::json;

use crate::support::Site;

/// The parameter, and addresses of its page: the canonical one first.
const SPELLINGS: &[(&str, &[&str])] = &[
    ("/my-post/", &["%2Fmy-post%2F", "%2fmy-post%2f", "%2Fmy%2Dpost%2F"]),
    ("a+b", &["a+b", "a%2Bb", "a%2bb"]),
    ("a b", &["a%20b", "%61%20%62"]),
    ("a?b", &["a%3Fb", "a%3fb"]),
    ("a&b", &["a&b", "a%26b"]),
    ("a#b", &["a%23b"]),
    ("a%b", &["a%25b"]),
    ("[first]", &["%5Bfirst%5D", "[first]", "%5bfirst%5d"]),
    ("\u{4e2d}\u{6587}", &["%E4%B8%AD%E6%96%87", "\u{4e2d}\u{6587}", "%e4%b8%ad%e6%96%87"]),
    ("mix \u{4e2d}/+&?", &["mix%20%E4%B8%AD%2F+&%3F", "mix%20\u{4e2d}%2F%2B%26%3F"]),
    ("a.b", &["a.b", "a%2Eb"]),
    ("...", &["...", "%2E%2E%2E"]),
    ("a\\b", &["a%5Cb"]),
    ("\u{e9}", &["%C3%A9", "\u{e9}"]),
    // The same to the eye; not the same path.
    ("e\u{301}", &["e%CC%81", "e\u{301}"]),
    ("UPPER", &["UPPER", "%55PPER"]),
    ("upper", &["upper"]),
];

/// Encoded twice: the parameter holds an encoding itself. The parameter, the
/// address, and what `use_params_map` makes of it.
const TWICE: &[(&str, &str, &str)] = &[
    ("%2Fmy-post%2F", "%252Fmy-post%252F", "/my-post/"),
    ("%252Ftwice", "%25252Ftwice", "%2Ftwice"),
    ("mix %2F+&?", "mix%20%252F+&%3F", "mix /+&?"),
];

fn slugs() -> Vec<&'static str> {
    SPELLINGS.iter().map(|(slug, _)| *slug).collect()
}

/// Behaviours 13, 17, 18, 77.
#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_prerendered_page_is_that_page() {
    let slugs = slugs();
    let site =
        Site::with(&[("blog", &slugs), ("closed", &slugs), ("catchall", &["first/\u{4e2d}"])])
            .await;
    for route in ["blog", "closed"] {
        for (slug, spellings) in SPELLINGS {
            for spelling in *spellings {
                let page = site.get(&format!("/{route}/{spelling}")).await;
                page.assert_status(200).assert_fresh(2).assert_said(&format!("{route}:{slug} #1"));
                let name = if route == "blog" { "post" } else { "slug" };
                assert_eq!(page.part("params"), format!("{name}={slug};"));
            }
            assert_eq!(site.cms.loads(&format!("{route}:{slug}")), 1);
        }
    }
    let page = site.get("/catchall/first/%E4%B8%AD").await;
    page.assert_fresh(2).assert_said("catchall:first/\u{4e2d} #1");
}

/// Behaviours 17, 77, 78.
#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_of_a_page_rendered_on_demand_is_that_page() {
    let site = Site::with(&[]).await;
    let before = site.pages_on_disk();
    for (slug, spellings) in SPELLINGS {
        let first = site.get(&format!("/open/{}", spellings[0])).await;
        first.assert_status(200).assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
        first.assert_said(&format!("open:{slug} #1"));
        assert_eq!(first.part("params"), format!("slug={slug};"));
        for spelling in *spellings {
            let page = site.get(&format!("/open/{spelling}")).await;
            page.assert_fresh(2);
            assert_eq!(page.body, first.body, "{spelling}");
        }
    }
    site.idle().await;
    assert_eq!(site.pages_on_disk() - before, SPELLINGS.len());
}

/// Behaviours 77, 78. The engine decodes once: each is a page of its own, with
/// tags of its own. Leptos 0.8 does not: where routes may nest it decodes a
/// path's parameters twice, and every query. This test says when that changes.
#[tokio::test(flavor = "multi_thread")]
async fn parameter_that_is_encoded_twice_has_a_page_of_its_own() {
    let listed: Vec<_> = TWICE.iter().map(|(slug, ..)| *slug).collect();
    let site = Site::with(&[("closed", &listed)]).await;
    for (slug, address, leptos) in TWICE {
        site.get(&format!("/closed/{address}")).await.assert_fresh(2);
        let page = site.get(&format!("/blog/{address}")).await;
        page.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
        assert_eq!(page.part("params"), format!("post={leptos};"));
        let once = format!("/blog/o-{}", encoded(leptos));
        site.get(&once).await.assert_cache_status("isr; fwd=miss; fwd-status=200; stored");
        // The route's tag has the parameter decoded once.
        site.purge_by(&json!({ "tags": [format!("post:{leptos}")] })).await;
        site.get(&format!("/blog/{address}")).await.assert_fresh(2);
        site.purge_by(&json!({ "tags": [format!("post:{slug}")] })).await;
        let purged = site.get(&format!("/blog/{address}")).await;
        purged.assert_cache_status("isr; hit; ttl=0; detail=purged");
        site.get(&once).await.assert_fresh(2);
    }
    site.idle().await;
    for (_, _, leptos) in TWICE {
        let loads = site.cms.all_loads();
        let not_listed = site.get(&format!("/closed/{}", encoded(&format!("{leptos}x")))).await;
        not_listed.assert_not_listed();
        assert_eq!(site.cms.all_loads(), loads);
    }
}

fn encoded(slug: &str) -> String {
    percent_encoding::utf8_percent_encode(slug, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Behaviour 78.
#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_opens_a_closed_route() {
    let site = Site::with(&[("closed", &["other"])]).await;
    let loads = site.cms.all_loads();
    for spelling in SPELLINGS.iter().flat_map(|(_, spellings)| *spellings) {
        site.get(&format!("/closed/{spelling}")).await.assert_not_listed();
    }
    assert_eq!(site.cms.all_loads(), loads);
}

/// Behaviours 13, 17, 42, 78: purges and regenerations take any spelling too.
#[tokio::test(flavor = "multi_thread")]
async fn purge_and_regeneration_reach_a_page_by_every_spelling() {
    let site = Site::with(&[]).await;
    for (slug, spellings) in SPELLINGS {
        let canonical = format!("/open/{}", spellings[0]);
        site.get(&canonical).await.assert_status(200);
        let mut n = 1;
        for spelling in *spellings {
            if !spelling.contains(['?', '#']) {
                site.purge(&[&format!("/open/{spelling}")]).await;
                let (old, new) = site.get_twice(&canonical).await;
                old.assert_cache_status("isr; hit; ttl=0; detail=purged");
                n += 1;
                new.assert_said(&format!("open:{slug} #{n}"));
                let (status, said) = site.regenerate(&format!("/open/{spelling}")).await;
                n += 1;
                assert_eq!((status, &said["pages"][0]["stored"]), (200, &true.into()), "{said}");
                assert_eq!(said["pages"][0]["path"], canonical);
                site.get(&canonical).await.assert_said(&format!("open:{slug} #{n}"));
            }
        }
    }
}

/// Behaviours 5, 6, 7, 85.
#[tokio::test(flavor = "multi_thread")]
async fn query_that_the_route_does_not_list_reaches_nothing() {
    let site = Site::with(&[("blog", &["post-1"])]).await;
    for (path, params) in [("/", ""), ("/blog/post-1", "post=post-1;"), ("/open/new", "slug=new;")]
    {
        let plain = site.get(path).await;
        for query in
            ["?hello=world", "?post=other", "?slug=x&nxtPslug=x&__nextDataReq=1", "?", "?%zz"]
        {
            let page = site.get(&format!("{path}{query}")).await;
            assert!(page.cache_status().starts_with("isr; hit"), "{}", page.cache_status());
            assert_eq!(page.body, plain.body, "{path}{query}");
            assert_eq!((page.part("params").as_str(), page.part("query").as_str()), (params, ""));
            assert_eq!(page.header("etag"), site.get(path).await.header("etag"));
        }
        // A page that is made by such a request does not see it either.
        let path = path.replace("new", "newer").replace("post-1", "post-2");
        let page = site.get(&format!("{path}?hello=world")).await;
        assert_eq!(page.part("query"), "");
        assert!(!page.text().contains("world"));
    }
}

/// Behaviour 7, for a parameter that the route lists.
#[tokio::test(flavor = "multi_thread")]
async fn listed_query_parameter_makes_a_page_of_its_own() {
    let site = Site::with(&[]).await;
    site.get("/list").await.assert_fresh(2).assert_said("list:first #1");
    for (value, spellings) in [
        ("2", &["/list?page=2", "/list?utm=x&page=2", "/list?%70age=%32&page2=3"][..]),
        ("a b", &["/list?page=a%20b", "/list?page=a+b"]),
        ("a+b", &["/list?page=a%2Bb"]),
        ("a&b=c", &["/list?page=a%26b%3Dc"]),
        ("/", &["/list?page=%2F", "/list?page=/"]),
        ("\u{4e2d}", &["/list?page=%E4%B8%AD", "/list?page=\u{4e2d}"]),
        ("", &["/list?page=", "/list?page"]),
    ] {
        for spelling in spellings {
            let page = site.get(spelling).await;
            page.assert_status(200).assert_said(&format!("list:{value} #1"));
            assert_eq!(page.part("query"), format!("page={value};"), "{spelling}");
        }
        assert_eq!(site.cms.loads(&format!("list:{value}")), 1);
    }
    site.get("/list?page=%zz").await.assert_status(400);
    // A page of its own, though Leptos decodes a query twice.
    let twice = site.get("/list?page=%252F").await;
    twice.assert_cache_status("isr; fwd=miss; fwd-status=200; stored").assert_said("list:/ #2");
}

/// Behaviour 86.
#[tokio::test(flavor = "multi_thread")]
async fn bad_address_is_400_and_makes_nothing() {
    let site = Site::with(&[("closed", &["a"])]).await;
    let (loads, pages) = (site.cms.all_loads(), site.pages_on_disk());
    for path in [
        "/open/%",
        "/open/%4",
        "/open/%zz",
        "/open/%c0",
        "/open/%ff%fe",
        "/open/%E4%B8",
        "/open/%00",
        "/open/a%0d%0ab",
        "/open/../blog/a",
        "/open/%2e%2e/blog/a",
        "/open/./a",
        "/open//a",
        "//open/a",
        "/closed/%",
    ] {
        let page = site.get(path).await;
        page.assert_status(400).assert_header("cache-control", "private, no-store");
        assert!(page.text().starts_with("No such address: "), "{path}: {}", page.text());
    }
    let long = "a".repeat(5000);
    site.get(&format!("/open/{long}")).await.assert_status(400);
    // What is wrong with another path is the app's to say.
    for path in ["/nowhere/%", "//nowhere", &format!("/nowhere/{long}")] {
        site.get(path).await.assert_status(404);
    }
    site.idle().await;
    assert_eq!((site.cms.all_loads(), site.pages_on_disk()), (loads, pages));
}

/// Behaviour 88: here a slash at the end always leads to the page without it.
#[tokio::test(flavor = "multi_thread")]
async fn slash_at_the_end_is_a_permanent_redirect_that_keeps_the_query() {
    let site = Site::with(&[("blog", &["a"])]).await;
    let pages = site.pages_on_disk();
    for (from, to) in [
        ("/blog/a/", "/blog/a"),
        ("/blog/a/?x=1&y=%20", "/blog/a?x=1&y=%20"),
        ("/open/%2f/", "/open/%2F"),
        ("/list/?page=2", "/list?page=2"),
    ] {
        let page = site.get(from).await;
        page.assert_status(308).assert_header("location", to);
        page.assert_header("cache-control", "private, no-store");
    }
    assert_eq!(site.pages_on_disk(), pages);
    site.get("/").await.assert_status(200);
}

/// The case of a path counts.
#[tokio::test(flavor = "multi_thread")]
async fn route_in_another_case_is_another_path() {
    let site = Site::with(&[("blog", &["a"])]).await;
    site.get("/BLOG/a").await.assert_status(404);
    site.get("/blog/A").await.assert_said("blog:A #1");
    site.get("/blog/a").await.assert_said("blog:a #1");
}

/// Leptos compares a route's fixed text as it is written in the address.
#[tokio::test(flavor = "multi_thread")]
async fn route_whose_fixed_text_is_encoded_has_stored_pages() {
    let site = Site::with(&[]).await;
    let first = site.get("/%C3%BCber/uns").await;
    first.assert_status(200).assert_said("ueber:uns #1");
    site.get("/%C3%BCber/uns").await.assert_fresh(2).assert_said("ueber:uns #1");
    site.get("/%c3%bcber/uns").await.assert_fresh(2);
    site.get("/\u{fc}ber/uns").await.assert_fresh(2);
}

/// Address with a host, as proxies send it.
#[tokio::test(flavor = "multi_thread")]
async fn absolute_address_is_the_same_page() {
    let site = Site::with(&[("blog", &["a"])]).await;
    site.get("http://other.test/blog/a").await.assert_fresh(2).assert_said("blog:a #1");
    let other =
        Request { headers: &[("X-Forwarded-Host", "evil.test")], ..Request::get("/open/h") };
    site.request(other).await.assert_status(200);
    assert!(!site.get("/open/h").await.text().contains("evil.test"));
}

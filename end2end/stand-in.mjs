// A content API for the tests in place of the site's own: other articles, and it misbehaves on
// request. It implements what the site reads (GET /articles, /articles/{slug}, /sections, /aliases).
import { once } from "node:events";
import { createServer } from "node:http";

const SECTION = { slug: "weather", name: "Weather" };
const ALIASES = { "/old/rain": "rain", "/old/snow": "snow" };

/**
 * How the stand-in answers requests for one path.
 *
 * - `gone`: 410;
 * - `html`: a sign-in page with status 200;
 * - `half`: a body that ends before its stated length, and with it the connection;
 * - `drip`: a body that comes byte by byte;
 * - `lag`: what the article was before its last change;
 * - `limited`: 429, to be asked again in so many seconds;
 * - `redirect`: 302 to this path.
 *
 * @typedef {"well" | "fail" | "hang" | "malformed" | "gone" | "html" | "half" | "drip" | "lag" |
 *   { slow: number } | { limited: number } | { redirect: string }} Behaviour
 */

export class StandIn {
  #articles = new Map();
  #before = new Map();
  #behaviours = new Map();
  #asked = new Map();
  #server;
  #port = 0;

  constructor() {
    for (const slug of ["rain", "snow", "wind"]) {
      this.#articles.set(slug, article(slug));
    }
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; after `stop` on the same port as before. */
  async start() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = this.#server.address().port;
  }

  /** Stops listening and breaks all connections. */
  async stop() {
    if (!this.#server?.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /**
   * @param {string} slug
   * @param {Record<string, string | null>} fields
   */
  change(slug, fields) {
    this.#before.set(`/articles/${slug}`, this.#articles.get(slug));
    this.#articles.set(slug, { ...this.#articles.get(slug), ...fields });
  }

  /** @param {string} slug */
  remove(slug) {
    this.#articles.delete(slug);
  }

  /**
   * @param {string} path
   * @param {Behaviour} behaviour
   */
  behave(path, behaviour) {
    this.#behaviours.set(path, behaviour);
  }

  /**
   * How many requests there were for `path`.
   *
   * @param {string} path
   * @returns {number}
   */
  asked(path) {
    return this.#asked.get(path) ?? 0;
  }

  #answer(request, response) {
    const url = new URL(request.url, this.url);
    this.#asked.set(url.pathname, this.asked(url.pathname) + 1);
    const behaviour = this.#behaviours.get(url.pathname) ?? "well";
    const answer = () => send(response, ...this.#content(url));
    if (behaviour === "well") answer();
    else if (behaviour === "fail") send(response, 500, { error: "the stand-in fails on request" });
    else if (behaviour === "malformed") response.end('{"slug": "half an arti');
    else if (behaviour === "gone") send(response, 410, { error: "gone" });
    else if (behaviour === "html") response.end("<!DOCTYPE html><title>Sign in</title>");
    else if (behaviour === "half") sendHalf(response, this.#content(url)[1]);
    else if (behaviour === "drip") drip(response, this.#content(url)[1]);
    else if (behaviour === "lag") send(response, 200, this.#before.get(url.pathname));
    else if (behaviour.slow) setTimeout(answer, behaviour.slow);
    else if (behaviour.limited) response.writeHead(429, { "Retry-After": behaviour.limited }).end();
    else if (behaviour.redirect) response.writeHead(302, { Location: behaviour.redirect }).end();
  }

  #content({ pathname, searchParams }) {
    const all = [...this.#articles.values()];
    if (pathname === "/sections") return [200, [{ ...SECTION, count: all.length }]];
    if (pathname === "/aliases") return [200, ALIASES];
    if (pathname === "/articles") {
      const section = searchParams.get("section");
      const listed = section === null || section === SECTION.slug ? all : [];
      const [page, size] = [Number(searchParams.get("page")), Number(searchParams.get("per_page"))];
      return [200, { articles: listed.slice((page - 1) * size, page * size), total: listed.length }];
    }
    const found = this.#articles.get(pathname.replace("/articles/", ""));
    return found ? [200, found] : [404, { error: "no such article" }];
  }
}

function article(slug) {
  return {
    slug,
    title: `About ${slug}`,
    summary: `What there is to say about ${slug}.`,
    section: SECTION.slug,
    author: "A Stand-in",
    published_at: "2026-01-02T03:04:05Z",
    body_html: `<p>It is a day of ${slug}.</p>`,
  };
}

function send(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function sendHalf(response, body) {
  const text = JSON.stringify(body);
  response.writeHead(200, { "Content-Length": text.length });
  response.write(text.slice(0, text.length / 2), () => response.destroy());
}

function drip(response, body) {
  const bytes = [...JSON.stringify(body)];
  response.writeHead(200, { "Content-Length": bytes.length });
  const next = () => {
    if (response.destroyed) return;
    response.write(bytes.shift());
    setTimeout(next, 200);
  };
  next();
}

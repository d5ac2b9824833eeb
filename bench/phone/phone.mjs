// What a reader with a slow phone gets: Lighthouse's performance scores, and when a page shows
// something and answers to taps, under Lighthouse's own profile of a phone (processor slowed
// down four times, 1.6 Mbit/s, 150 ms a round trip).
//
// node phone.mjs BASE PATH... [--beside NAME=URL...]   prints Markdown tables
//
// The last path and the pages of other servers are visited in turns. An article's theme switch has
// the class `theme-switch` and sets `data-theme` of the document; without one, that column is empty.

import { parseArgs } from "node:util";
import { launch } from "chrome-launcher";
import lighthouse from "lighthouse";
import { chromium, devices } from "playwright-core";

const RUNS = 5;
const SLOW_DOWN = 4;
const FLAGS = [
  "--headless=new",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
];
const chromePath = process.env.CHROMIUM_PATH || undefined;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { beside: { type: "string", multiple: true, default: [] } },
});
const [base, ...paths] = positionals;
if (!base || paths.length === 0) {
  console.error("usage: node phone.mjs BASE PATH... [--beside NAME=URL...]");
  process.exit(2);
}
const sites = [`this site=${base}${paths.at(-1)}`, ...values.beside].map((site) => {
  const [name, ...url] = site.split("=");
  return { name, url: url.join("=") };
});

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Lighthouse's scores, and its timings, the median of several runs each. */
async function score(url) {
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) {
    const chrome = await launch({ chromePath, chromeFlags: FLAGS });
    try {
      const settings = { port: chrome.port, output: "json", onlyCategories: ["performance"], logLevel: "error" };
      const { lhr } = await lighthouse(url, settings);
      if (lhr.runtimeError) throw new Error(`${url}: ${lhr.runtimeError.message}`);
      const value = (audit) => lhr.audits[audit].numericValue;
      runs.push({
        score: lhr.categories.performance.score * 100,
        fcp: value("first-contentful-paint"),
        lcp: value("largest-contentful-paint"),
        tbt: value("total-blocking-time"),
        cls: value("cumulative-layout-shift"),
      });
    } finally {
      chrome.kill();
    }
  }
  const of = (name) => median(runs.map((run) => run[name]));
  return { scores: runs.map((run) => run.score), fcp: of("fcp"), lcp: of("lcp"), tbt: of("tbt"), cls: of("cls") };
}

/** Runs in each document before all else: when its theme switch worked, and how long tasks blocked it. */
function watch() {
  window.marks = { blocked: 0 };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.marks.blocked += duration - 50;
  }).observe({ type: "longtask", buffered: true });
  const press = () => {
    const button = document.querySelector(".theme-switch");
    // A page may be sent with a theme.
    if (!button) return setTimeout(press, 20);
    const before = document.documentElement.dataset.theme;
    button.click();
    requestAnimationFrame(() => {
      if (document.documentElement.dataset.theme === before) setTimeout(press, 20);
      else window.marks.works = performance.now();
    });
  };
  if (!sessionStorage.visited) press();
  sessionStorage.visited = "yes";
}

/** Follows a link to another page; gives the time from the click until that is shown, in milliseconds. */
async function follow(page, rests) {
  const link = page.locator('a[href^="/"]').filter({ hasNotText: /^(Home|Feed)$/ });
  const here = new URL(page.url()).pathname;
  const count = await link.count();
  let next;
  for (let nth = 0; nth < count; nth += 1) {
    const href = await link.nth(nth).getAttribute("href");
    if (href !== here && (href.startsWith("/articles/") || nth === count - 1)) {
      next = link.nth(nth);
      break;
    }
  }
  await next.scrollIntoViewIfNeeded();
  if (rests) await next.hover();
  await page.waitForTimeout(rests ? 1500 : 500);
  const shown = page.locator("h1").first();
  const title = await shown.innerText();
  const clicked = await next.evaluate((link, title) => {
    const observer = new MutationObserver(() => {
      const now = document.querySelector("h1")?.innerText;
      if (!now || now === title) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => (window.marks.shown = performance.timeOrigin + performance.now())));
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
    link.click();
    return performance.timeOrigin + performance.now();
  }, title);
  await page.waitForFunction(
    (title) => {
      const [paint] = performance.getEntriesByName("first-contentful-paint");
      return window.marks.shown || (paint && document.querySelector("h1")?.innerText !== title);
    },
    title,
    { timeout: 30_000 },
  );
  const at = await page.evaluate(
    () =>
      window.marks.shown ??
      performance.timeOrigin + performance.getEntriesByName("first-contentful-paint")[0].startTime,
  );
  return at - clicked;
}

/** One visit with an empty cache, on a slowed-down browser. */
async function visit(url, rests) {
  const browser = await chromium.launch({ executablePath: chromePath, args: FLAGS.slice(1) });
  try {
    const page = await browser.newPage(devices["Moto G4"]);
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: SLOW_DOWN });
    await session.send("Network.enable");
    // As Lighthouse does when it throttles for real: what the protocol adds counts three quarters more.
    await session.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 150 * 3.75,
      downloadThroughput: (1.6 * 1024 * 1024 * 0.9) / 8,
      uploadThroughput: (750 * 1024 * 0.9) / 8,
    });
    await page.addInitScript(watch);
    await page.goto(url, { waitUntil: "networkidle" });
    if (await page.locator(".theme-switch").count()) await page.waitForFunction(() => window.marks.works);
    const first = await page.evaluate(() => {
      const sizes = (entries) => entries.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
      const isProgram = ({ name }) => /\.(m?js|wasm)$/.test(new URL(name).pathname);
      return {
        program: sizes(performance.getEntriesByType("resource").filter(isProgram)),
        html: sizes(performance.getEntriesByType("navigation")),
        fcp: performance.getEntriesByName("first-contentful-paint")[0].startTime,
        works: window.marks.works,
        blocked: window.marks.blocked,
      };
    });
    return { ...first, click: await follow(page, rests) };
  } finally {
    await browser.close();
  }
}

const ms = (value) => Math.round(value).toString();

console.log("| page | scores | first contentful paint, ms | largest, ms | blocking time, ms | layout shift |");
console.log("|---|--:|--:|--:|--:|--:|");
for (const path of paths) {
  const run = await score(base + path);
  console.log(
    `| \`${path}\` | ${run.scores.map(ms).join(" ")} | ${ms(run.fcp)} | ${ms(run.lcp)} | ${ms(run.tbt)} | ${run.cls.toFixed(3)} |`,
  );
}
console.log("\n| article | program, bytes | HTML, bytes | first contentful paint, ms | theme switch works, ms | blocked, ms | next page, ms | rested on for 1.5 s, ms |");
console.log("|---|--:|--:|--:|--:|--:|--:|--:|");
const visits = sites.map(() => ({ plain: [], rested: [] }));
for (let run = 0; run < RUNS; run += 1) {
  for (const [nth, { url }] of sites.entries()) {
    visits[nth].plain.push(await visit(url, false));
    visits[nth].rested.push(await visit(url, true));
  }
}
for (const [nth, { name }] of sites.entries()) {
  const { plain, rested } = visits[nth];
  const of = (what, runs = plain) => median(runs.map((run) => run[what]));
  const works = of("works") === undefined ? "–" : ms(of("works"));
  console.log(
    `| ${name} | ${of("program")} | ${of("html")} | ${ms(of("fcp"))} | ${works} | ${ms(of("blocked"))} | ${ms(of("click"))} | ${ms(of("click", rested))} |`,
  );
}

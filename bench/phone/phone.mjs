// What a reader with a slow phone gets: Lighthouse's performance score, and when a page shows
// something and answers to taps, under Lighthouse's own profile of a phone (processor slowed
// down four times, 1.6 Mbit/s, 150 ms a round trip).
//
// node phone.mjs BASE PATH...   prints a Markdown table

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

const [base, ...paths] = process.argv.slice(2);
if (!base || paths.length === 0) {
  console.error("usage: node phone.mjs BASE PATH...");
  process.exit(2);
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Lighthouse's score and timings, the median of several runs each. */
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
  return { score: of("score"), fcp: of("fcp"), lcp: of("lcp"), tbt: of("tbt"), cls: of("cls") };
}

/** Runs in the page before all else: when wasm was ready, and when the page was hydrated. */
function watch() {
  window.marks = {};
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const made = await original.call(WebAssembly, ...args);
      window.marks.ready ??= performance.now();
      return made;
    };
  }
  new MutationObserver((_, observer) => {
    if (!document.documentElement?.hasAttribute("data-hydrated")) return;
    observer.disconnect();
    window.marks.hydrated = performance.now();
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-hydrated"] });
}

/** Milliseconds of one visit with an empty cache, on a slowed-down browser. */
async function visit(url) {
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
    await page.goto(url);
    await page.waitForFunction(() => window.marks.hydrated && window.marks.ready, null, { timeout: 60_000 });
    return await page.evaluate(() => ({
      fcp: performance.getEntriesByName("first-contentful-paint")[0].startTime,
      hydrated: window.marks.hydrated,
      hydration: window.marks.hydrated - window.marks.ready,
    }));
  } finally {
    await browser.close();
  }
}

const ms = (value) => Math.round(value).toString();

console.log("| page | score | first contentful paint, ms | largest, ms | blocking time, ms | layout shift |");
console.log("|---|--:|--:|--:|--:|--:|");
for (const path of paths) {
  const run = await score(base + path);
  console.log(
    `| \`${path}\` | ${ms(run.score)} | ${ms(run.fcp)} | ${ms(run.lcp)} | ${ms(run.tbt)} | ${run.cls.toFixed(3)} |`,
  );
}
console.log("\n| page | first contentful paint, ms | interactive, ms | of that hydration, ms |\n|---|--:|--:|--:|");
for (const path of paths) {
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await visit(base + path));
  const of = (name) => ms(median(runs.map((run) => run[name])));
  console.log(`| \`${path}\` | ${of("fcp")} | ${of("hydrated")} | ${of("hydration")} |`);
}

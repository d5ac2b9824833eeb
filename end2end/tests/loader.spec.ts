// The script that hydrates islands, with a program that only notes what it is asked for.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";

const SCRIPT = readFileSync(join(__dirname, "../../leptos_isr/src/page/hydration/islands.js"), "utf8").trim();

/** `Outer` has a place for children, which takes note when it is entered, as Leptos's own does. */
const PROGRAM = `
  const note = (what) => document.body.dataset.asked = (document.body.dataset.asked ?? "") + what + " ";
  export default async ({ module_or_path }) => { await module_or_path; };
  export const hydrate = () => note("begin");
  export const isr_enter_root = () => note("root");
  export const isr_islands_hydrated = () => note("end");
  export const Inner = () => note("Inner");
  export const Lazy = () => new Promise((done) => setTimeout(() => done(note("Lazy")), 10));
  export const Outer = (island) => {
    note("Outer");
    island.querySelector("leptos-children").$$on_hydrate = () => note("children");
  };`;

const island = (name: string, within = "") => `<leptos-island data-component="${name}">${within}</leptos-island>`;
const children = (within: string) => `<div><leptos-children>${within}</leptos-children></div>`;

test("an island within the children of another is hydrated in that one's context, and any other in none", async ({ page }) => {
  const body = island("Lazy") + island("Outer", children(`<p>${island("Inner")}</p>${island("Lazy")}`)) + island("Inner");
  await page.route("http://loader.test/**", (route) => {
    const path = new URL(route.request().url()).pathname;
    if (path === "/app.js") return route.fulfill({ contentType: "text/javascript", body: PROGRAM });
    if (path === "/app.wasm") return route.fulfill({ contentType: "application/wasm", body: "" });
    const script = `<script type="module">${SCRIPT}("/app.js", "/app.wasm");</script>`;
    return route.fulfill({ contentType: "text/html", body: `<!DOCTYPE html><body>${body}${script}</body>` });
  });
  await page.goto("http://loader.test/");
  const asked = page.locator("body");
  const all = "begin root Lazy root Outer children Inner children Lazy root Inner end ";
  await expect(asked).toHaveAttribute("data-asked", all);
  expect(await page.locator("leptos-island:not([data-hydrated])").count()).toBe(0);

  // As `refresh` puts it in.
  await page.evaluate(async (html) => {
    const { __isr_hydrate } = globalThis as unknown as { __isr_hydrate: (node: Element) => Promise<void> };
    const place = document.querySelector("leptos-children")!;
    place.insertAdjacentHTML("beforeend", html);
    await __isr_hydrate(place.lastElementChild!);
  }, island("Inner"));
  await expect(asked).toHaveAttribute("data-asked", `${all}children Inner `);
});

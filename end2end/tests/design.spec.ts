// What can be checked of the design; the screenshots in test-results/design are for people.
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Page, expect, test } from "@playwright/test";
import { ARTICLE, PUBLIC_PAGES, SECTION, open, signIn } from "../support/site";

const SCHEMES = ["light", "dark"] as const;
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PAGES = [...PUBLIC_PAGES.map((page) => page.path), "/search", "/editor"];

for (const address of PAGES) {
  test(`${address} is accessible in both themes`, async ({ page }) => {
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await open(page, address);
      expect(await violations(page), colorScheme).toEqual([]);
    }
  });
}

test("every page has its landmarks and one first heading", async ({ page }) => {
  for (const address of PAGES) {
    await open(page, address);
    for (const role of ["banner", "main", "contentinfo"] as const) {
      await expect(page.getByRole(role), `${role} of ${address}`).toHaveCount(1);
    }
    await expect(page.getByRole("navigation", { name: "Main" })).toHaveCount(1);
    await expect(page.getByRole("heading", { level: 1 }), address).toHaveCount(1);
  }
});

test("no page is wider than a small phone, at any text size", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const size of ["0", "3"]) {
    await page.addInitScript((size) => localStorage.setItem("size", size), size);
    for (const address of PAGES) {
      await open(page, address);
      await assertFits(page, `${address} at text size ${size}`);
    }
  }
});

test("the editor's pages are accessible in both themes and fit a small phone", async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open(page, "/editor");
  await signIn(page);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Articles");
  for (const address of ["/editor", "/editor?new=article", "/editor/age-is-arithmetic"]) {
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await open(page, address);
      expect(await violations(page), `${address}, ${colorScheme}`).toEqual([]);
      await assertFits(page, address);
      await screenshot(page, `${address.replace(/\W+/g, "-").slice(1)}-small-${colorScheme}`);
    }
  }
});

test("nothing moves while a page hydrates", async ({ page }) => {
  await page.addInitScript(() => {
    Object.assign(window, { shift: 0 });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) (window as any).shift += (entry as any).value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  for (const address of ["/", ARTICLE, SECTION]) {
    await open(page, address);
    expect(await page.evaluate(() => (window as any).shift), address).toBeLessThan(0.01);
  }
});

for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
  for (const colorScheme of SCHEMES) {
    test(`screenshots: ${device}, ${colorScheme}`, async ({ page }) => {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      for (const [name, address] of Object.entries({
        front: "/",
        article: ARTICLE,
        section: SECTION,
        live: "/live",
        search: "/search?q=cache",
        about: "/about",
        missing: "/no/such/page",
        editor: "/editor",
      })) {
        await open(page, address);
        await screenshot(page, `${name}-${device}-${colorScheme}`);
      }
    });
  }
}

async function screenshot(page: Page, name: string): Promise<void> {
  const file = path.join(test.info().project.outputDir, "design", `${name}.png`);
  await page.screenshot({ path: file, fullPage: true });
}

async function assertFits(page: Page, what: string): Promise<void> {
  const [width, room] = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return [scrollWidth, clientWidth];
  });
  expect.soft(width, `width of ${what}`).toBeLessThanOrEqual(room);
}

/** What axe-core finds, a line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await (window as any).axe.run();
    return violations.flatMap(({ id, help, nodes }: any) =>
      nodes.map((node: any) => `${id}: ${help}: ${node.target} ${node.any[0]?.message ?? ""}`),
    );
  });
}

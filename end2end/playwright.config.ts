import { defineConfig, devices } from "@playwright/test";

// A port of its own, so that a server under development may keep running.
const address = "127.0.0.1:3210";
const site = process.env.SITE_URL;

// Chromium's sandbox refuses to start as root; the rest keeps it from calling home.
const flags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
if (process.getuid?.() === 0) flags.push("--no-sandbox");

export default defineConfig({
  testDir: "tests",
  // The specs share one server, whose pages some of them change.
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  reporter: "list",
  use: {
    baseURL: site ?? `http://${address}`,
    trace: "retain-on-failure",
    launchOptions: {
      // Unset: the browser that Playwright installed for itself.
      executablePath: process.env.CHROMIUM_PATH || undefined,
      args: flags,
    },
  },
  projects: [{ name: "chromium", use: devices["Desktop Chrome"] }],
  // With SITE_URL the site is running already.
  webServer: site
    ? undefined
    : {
        command: "../scripts/run-server.sh",
        url: `http://${address}`,
        env: { LEPTOS_SITE_ADDR: address },
        reuseExistingServer: false,
        timeout: 60_000,
        stdout: "pipe",
        gracefulShutdown: { signal: "SIGTERM", timeout: 10_000 },
      },
});

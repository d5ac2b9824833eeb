import path from "node:path";
import { defineConfig, devices } from "@playwright/test";
import { EDITOR_PASSWORD, ISR_TOKEN } from "./support/secrets";

// A port of its own, so that a server under development may keep running.
const address = "127.0.0.1:3210";
const results = path.join(__dirname, "test-results");
const scratch = path.join(results, "site");

// What the developer has set for the server must not reach the servers under test.
for (const name of Object.keys(process.env)) {
  if (/^(ISR|CONTENT|EDITOR|LEPTOS|SITE|LOG)_|^RUST_LOG$/.test(name)) delete process.env[name];
}

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
  outputDir: results,
  // The specs share one server, whose pages some of them change.
  workers: 1,
  forbidOnly: Boolean(process.env.CI),
  // `/live` is fresh for two real seconds; a machine that stalls may miss them. Reported as flaky.
  retries: process.env.CI ? 1 : 0,
  reporter: "list",
  use: {
    baseURL: `http://${address}`,
    actionTimeout: 5_000,
    trace: "retain-on-failure",
    launchOptions: {
      // Unset: the browser that Playwright installed for itself.
      executablePath: process.env.CHROMIUM_PATH || undefined,
      args: flags,
    },
  },
  projects: [{ name: "chromium", use: devices["Desktop Chrome"] }],
  webServer: {
    command: "./serve.sh",
    url: `http://${address}`,
    env: {
      SCRATCH: scratch,
      LEPTOS_SITE_ADDR: address,
      ISR_DIR: path.join(scratch, "isr"),
      ISR_TOKEN,
      CONTENT_DB: path.join(scratch, "newsroom.db"),
      CONTENT_TOKEN: "content-token",
      EDITOR_PASSWORD,
      RUST_LOG: "warn",
    },
    reuseExistingServer: false,
    timeout: 60_000,
    stdout: "pipe",
    gracefulShutdown: { signal: "SIGTERM", timeout: 12_000 },
  },
});

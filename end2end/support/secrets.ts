/** What opens the servers under test; secret from nobody. */
export const EDITOR_PASSWORD = "correct horse";
export const ISR_TOKEN = "the-purge-token-of-the-tests";

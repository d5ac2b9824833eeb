// Applies the reader's kept settings before the first paint, so that nothing flashes.
try {
  for (const key of ["theme", "size"]) {
    const value = localStorage.getItem(key);
    if (value) document.documentElement.setAttribute("data-" + key, value);
  }
} catch {
  // Storage is switched off: the defaults stay.
}

try {
  for (const key of ["theme", "size"]) {
    const value = localStorage.getItem(key);
    if (value) document.documentElement.setAttribute("data-" + key, value);
  }
} catch {}

"use client";

import { useState } from "react";

export function ThemeSwitch() {
  const [theme, setTheme] = useState("light");
  const next = theme === "light" ? "dark" : "light";
  const press = () => {
    document.documentElement.dataset.theme = next;
    setTheme(next);
  };
  return (
    <button type="button" className="theme-switch" onClick={press}>
      Theme: {theme}
    </button>
  );
}

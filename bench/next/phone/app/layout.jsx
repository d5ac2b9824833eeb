import "../../../../examples/start/style/main.css";
import { ThemeSwitch } from "./theme-switch.jsx";

export const metadata = { title: "The Newsroom", icons: { icon: "data:," } };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <ThemeSwitch />
        {children}
      </body>
    </html>
  );
}

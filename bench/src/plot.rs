//! Bars as SVG.

use std::fmt::Write;

const ROW: f64 = 26.0;
const NAMES: f64 = 250.0;
const BARS: f64 = 380.0;

/// Horizontal bars with their values; the first is set apart.
pub(crate) fn bars(title: &str, rows: impl Iterator<Item = (String, f64)>) -> String {
    let rows: Vec<_> = rows.collect();
    let most = rows.iter().fold(1.0, |most: f64, (_, value)| most.max(*value));
    let (width, height) = (NAMES + BARS + 90.0, ROW * (rows.len() as f64 + 1.5));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" role=\"img\">\n\
         <title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"20\" font-weight=\"600\" fill=\"#222\">{title}</text>\n"
    );
    for (i, (name, value)) in rows.iter().enumerate() {
        let y = ROW * (i as f64 + 1.2);
        let length = (value / most * BARS).max(1.0);
        let fill = if name.starts_with("leptos_isr") { "#b3261e" } else { "#8a9099" };
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{text:.1}\" text-anchor=\"end\" fill=\"#222\">{name}</text>\n\
             <rect x=\"{NAMES}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"18\" fill=\"{fill}\"/>\n\
             <text x=\"{end:.1}\" y=\"{text:.1}\" fill=\"#222\">{value:.0}</text>",
            x = NAMES - 8.0,
            text = y + 14.0,
            end = NAMES + length + 6.0,
        )
        .expect("a string takes everything");
    }
    svg.push_str("</svg>\n");
    svg
}

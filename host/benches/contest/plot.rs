//! The **plot**: events a second of every contender, one group for each workload at its largest size, on a logarithmic
//! scale. Plain SVG.

use std::fmt::Write;

use super::contender::Contender;
use super::results::{Result, Results, grouped};
use super::workload::Workload;

const LEFT: f64 = 190.0;
const WIDTH: f64 = 560.0;
const RIGHT: f64 = 150.0;
const LINE: f64 = 20.0;
const HEAD: f64 = 34.0;

pub fn svg(results: &Results) -> String {
    let groups = groups(results);
    let rates = groups.iter().flat_map(|(_, bars)| bars).map(|bar| bar.events_per_s());
    let (lowest, highest) = rates.fold((f64::INFINITY, 1.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
    // From a whole power of ten to a whole power of ten.
    let (first, last) = (lowest.log10().floor().max(0.0), highest.log10().ceil());
    let at = |rate: f64| (rate.log10() - first) / (last - first).max(1.0) * WIDTH;
    let lines: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let height = 60.0 + groups.len() as f64 * HEAD + lines as f64 * LINE;
    let (full, bottom) = (LEFT + WIDTH + RIGHT, height - 26.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{full}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{full}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">Events a second, two cores, logarithmic</text>\n"
    );
    for power in first as i32..=last as i32 {
        let x = LEFT + at(10_f64.powi(power));
        write!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"30\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#666\">{}</text>\n",
            bottom + 16.0,
            power_text(power)
        )
        .expect("text");
    }
    let mut y = 36.0;
    for (title, bars) in &groups {
        y += HEAD;
        writeln!(svg, "<text x=\"8\" y=\"{:.1}\" font-weight=\"bold\">{title}</text>", y - 10.0).expect("text");
        for bar in bars {
            let (rate, name) = (bar.events_per_s(), bar.contender.name());
            let colour = if is_ours(bar.contender) { "#1f6feb" } else { "#9aa4ae" };
            write!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\n\
                 <rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#333\">{}</text>\n",
                LEFT - 8.0,
                y + 12.0,
                at(rate).max(1.0),
                LINE - 5.0,
                LEFT + at(rate).max(1.0) + 6.0,
                y + 12.0,
                grouped(rate as u64)
            )
            .expect("text");
            y += LINE;
        }
    }
    svg + "</svg>\n"
}

/// For each rebuilt workload, a title and what ran on the most cores: of each contender the largest size.
fn groups(results: &Results) -> Vec<(String, Vec<&Result>)> {
    let mut groups: Vec<(String, Vec<&Result>)> = Vec::new();
    let rebuilt = |one: &&Result| !matches!(one.workload, Workload::Latency | Workload::Import | Workload::Change);
    for result in results.0.iter().filter(rebuilt) {
        let same = results.0.iter().filter(|one| one.name == result.name && one.contender == result.contender);
        let best = same.max_by_key(|one| (one.events, one.threads)).expect("at least itself");
        if !std::ptr::eq(best, result) {
            continue;
        }
        match groups.iter_mut().find(|(name, _)| *name == result.name) {
            Some((_, bars)) => bars.push(result),
            None => groups.push((result.name.clone(), vec![result])),
        }
    }
    for (title, bars) in &mut groups {
        let events = bars.iter().map(|bar| bar.events).max().expect("one bar at least");
        *title = format!("{title}, {} events", grouped(events));
    }
    groups
}

fn is_ours(contender: Contender) -> bool {
    matches!(contender, Contender::Served | Contender::Replay)
}

fn power_text(power: i32) -> String {
    match power {
        0..3 => 10_u64.pow(power as u32).to_string(),
        3..6 => format!("{} k", 10_u64.pow(power as u32 - 3)),
        6..9 => format!("{} M", 10_u64.pow(power as u32 - 6)),
        _ => format!("{} G", 10_u64.pow(power as u32 - 9)),
    }
}

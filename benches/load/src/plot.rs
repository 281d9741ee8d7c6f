//! Plots of a comparison: one file for each figure, a bar for each target. Must never show what
//! the table does not.

use std::fs;
use std::path::{Path, PathBuf};

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::compare::Compared;
use crate::error::LoadError;
use crate::series::shown;
use crate::work::Headline;

const WIDTH: u32 = 760;
const TITLE_HEIGHT: i32 = 44;
const BAR_HEIGHT: i32 = 26;
const BAR_PITCH: i32 = 38;
const NAMES_WIDTH: i32 = 120;
const BARS_WIDTH: f64 = 500.0;
const BLUE: RGBColor = RGBColor(0x2f, 0x6f, 0xa7);
const GREY: RGBColor = RGBColor(0x9a, 0xa5, 0xb1);

/// A bar: whose it is, how long, and whether it is one of the relays'.
#[derive(Clone, Debug, PartialEq)]
struct Bar {
    target: String,
    value: f64,
    is_base: bool,
}

/// Writes the plots into a folder, which is made if it is not there. What files there are.
pub fn plots(compared: &[Compared], folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |reason: String| LoadError::Write { path: folder.to_owned(), reason };
    fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    let mut written = Vec::new();
    for one in compared {
        for Headline { figure, more_is_better } in one.shown() {
            let rows = one.rows(figure);
            let Some(unit) = rows.iter().find_map(|(_, row)| Some(row.as_ref()?.unit)) else {
                continue;
            };
            let bars = rows.iter().filter_map(|(target, row)| {
                Some(Bar {
                    target: (*target).to_owned(),
                    value: row.as_ref()?.median(),
                    is_base: target.starts_with("raw"),
                })
            });
            let bars: Vec<Bar> = bars.collect();
            let path = folder.join(format!("{}-{figure}.svg", one.work.name()));
            let better = if more_is_better { "more is better" } else { "less is better" };
            let title = format!("{}: {figure}, {unit} ({better})", one.work.name());
            draw(&path, &title, &bars)
                .map_err(|reason| LoadError::Write { path: path.clone(), reason })?;
            written.push(path);
        }
    }
    Ok(written)
}

fn draw(path: &Path, title: &str, bars: &[Bar]) -> Result<(), String> {
    let count = i32::try_from(bars.len()).expect("there are few targets");
    let height = TITLE_HEIGHT + count * BAR_PITCH + BAR_PITCH / 2;
    let size = (WIDTH, u32::try_from(height).expect("it is not negative"));
    let area = SVGBackend::new(path, size).into_drawing_area();
    let drawn = || -> Result<(), Box<dyn std::error::Error + '_>> {
        area.fill(&WHITE)?;
        let left = Pos::new(HPos::Left, VPos::Center);
        let right = Pos::new(HPos::Right, VPos::Center);
        let text = |size: i32| TextStyle::from(("sans-serif", size)).color(&BLACK);
        area.draw(&Text::new(title.to_owned(), (16, TITLE_HEIGHT / 2), text(17).pos(left)))?;
        let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        for (bar, at) in bars.iter().zip(0..) {
            let top = TITLE_HEIGHT + at * BAR_PITCH;
            let middle = top + BAR_HEIGHT / 2;
            let end = NAMES_WIDTH + length(bar.value, most);
            let colour = if bar.is_base { GREY } else { BLUE };
            let shape = [(NAMES_WIDTH, top), (end, top + BAR_HEIGHT)];
            area.draw(&Rectangle::new(shape, colour.filled()))?;
            let name = (NAMES_WIDTH - 8, middle);
            area.draw(&Text::new(bar.target.clone(), name, text(14).pos(right)))?;
            area.draw(&Text::new(shown(bar.value), (end + 8, middle), text(14).pos(left)))?;
        }
        area.present()?;
        Ok(())
    };
    drawn().map_err(|error| error.to_string())
}

/// Pixels of a bar.
fn length(value: f64, most: f64) -> i32 {
    let share = if most > 0.0 { (value / most).clamp(0.0, 1.0) } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, reason = "it is at most the width of the bars")]
    let pixels = (share * BARS_WIDTH).round() as i32;
    pixels.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_none_is_invisible() {
        assert_eq!([length(50.0, 100.0), length(100.0, 100.0)], [250, 500]);
        assert_eq!([length(0.0, 100.0), length(0.0, 0.0)], [1, 1]);
    }

    #[test]
    fn a_plot_names_every_target_and_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let bar = |target: &str, value, is_base| Bar { target: target.to_owned(), value, is_base };
        let bars = [bar("packetboat", 30_000.0, false), bar("raw", 385_000.0, true)];
        draw(&path, "pairs: delivered_per_s", &bars).unwrap();
        let svg = fs::read_to_string(&path).unwrap();
        for text in ["pairs: delivered_per_s", "packetboat", "30,000", "raw", "385,000"] {
            assert!(svg.contains(text), "{text} is in {svg}");
        }
    }
}

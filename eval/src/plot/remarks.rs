//! The lines under a plot's title.

use super::PlotError;
use super::canvas::{Align, Canvas, MARGIN, NOTE, REMARK, ROOM, Type, width};

/// From one line to the next.
const LINE: i32 = 18;

/// A text in lines of at most `room` pixels.
fn wrap(text: &str, kind: Type, room: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, kind) + width(word, kind) + kind.size <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// First the run's notes, then what explains.
pub struct Remarks(Vec<(Type, String)>);

impl Remarks {
    /// The notes, a line each, and the explanation.
    pub fn new(notes: &[String], explanation: &str) -> Self {
        let notes = notes.iter().map(|text| (NOTE, text.as_str()));
        let lines = notes
            .chain([(REMARK, explanation)])
            .flat_map(|(kind, text)| wrap(text, kind, ROOM).into_iter().map(move |l| (kind, l)));
        Self(lines.collect())
    }

    /// Their height, in pixels.
    pub fn height(&self) -> i32 {
        self.0.len() as i32 * LINE
    }

    /// Draws them, the first one's middle at height `y`.
    ///
    /// # Errors
    ///
    /// [`PlotError::Draw`].
    pub fn draw(&self, canvas: &Canvas<'_>, y: i32) -> Result<(), PlotError> {
        for ((kind, line), i) in self.0.iter().zip(0..) {
            let place = (MARGIN, y + i * LINE);
            canvas.text(place, Align::Left, *kind, line, ROOM)?;
        }
        Ok(())
    }
}

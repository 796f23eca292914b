//! Tables: columns aligned by blanks.

use crate::plain;

/// Blanks between columns.
const GAP: usize = 3;

/// Rows of text, the first one the header.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Of the rows so far, also of those that were taken.
    widths: Vec<usize>,
}

impl Table {
    pub(crate) fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        let mut table = Self::default();
        table.row(header);
        table
    }

    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let row: Vec<_> = cells
            .into_iter()
            .map(|cell| plain::line(&cell.into()))
            .collect();
        self.widths.resize(self.widths.len().max(row.len()), 0);
        for (width, cell) in self.widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.chars().count());
        }
        self.rows.push(row);
    }

    /// The lines of the rows since the last time, without blanks at their ends. Columns are as wide
    /// as they ever were, so that what is printed bit by bit stays aligned as far as it can.
    pub(crate) fn take(&mut self) -> String {
        let mut text = String::new();
        for row in self.rows.drain(..) {
            let mut line = String::new();
            for (cell, &width) in row.iter().zip(&self.widths) {
                line.push_str(&format!("{cell:<width$}{:GAP$}", ""));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["NODE", "X"]);
        table.row(["10.5.0.2", "äö"]);
        assert_eq!(table.take(), "NODE       X\n10.5.0.2   äö\n");
    }

    #[test]
    fn later_rows_are_aligned_with_earlier_ones() {
        let mut table = Table::new(["NODE", "X"]);
        table.row(["10.5.0.2", "a"]);
        table.take();
        table.row(["n", "a\n\u{1b}[2Jb"]);
        assert_eq!(table.take(), "n          a  [2Jb\n");
        assert_eq!(table.take(), "");
    }
}

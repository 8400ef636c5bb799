//! The views of the dataset, from the files in `views/`. A file begins with comments: what a row is, and a line
//! `-- name: description` per column of the view.

use crate::ids::hash;
use crate::views::{View, ViewColumn};

/// Their names and files. `{ops}` in a file stands for the project and the dataset.
const FILES: [(&str, &str); 3] = [
    ("table_health", include_str!("views/table_health.sql")),
    ("freshness", include_str!("views/freshness.sql")),
    ("row_trend", include_str!("views/row_trend.sql")),
];

/// The views for a dataset.
pub fn ops_views(project: &str, dataset: &str) -> Vec<View> {
    let ops = format!("{project}.{dataset}");
    FILES.iter().map(|(name, file)| view(name, file, &ops)).collect()
}

/// A digest of the views, to know whether they are written.
pub fn digest(views: &[View]) -> String {
    hash(&format!("{views:?}"))
}

fn view(name: &str, file: &str, ops: &str) -> View {
    let (mut about, mut columns) = (Vec::new(), Vec::new());
    let mut lines = file.lines().peekable();
    while let Some(comment) = lines.peek().and_then(|line| line.strip_prefix("-- ")) {
        match comment.split_once(": ") {
            Some((name, description)) if !name.contains(' ') => columns
                .push(ViewColumn { name: name.to_owned(), description: description.to_owned() }),
            _ => about.push(comment),
        }
        lines.next();
    }
    let query: Vec<&str> = lines.collect();
    View {
        name: name.to_owned(),
        query: query.join("\n").trim().replace("{ops}", ops),
        description: format!("{} Landbridge writes it and undoes changes.", about.join(" ")),
        columns,
    }
}

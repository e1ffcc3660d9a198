//! Full-text search without a database: which words a text has, what a question asks for, and which pieces of a found
//! text answer it. Both databases get the same words, already stemmed, so that both find the same.

mod backlog;
mod document;
mod layout;
mod months;
mod query;
mod snippet;
mod turns;
mod words;

pub use backlog::make_ready;
pub use document::Document;
pub use layout::other_layout;
pub(crate) use query::Filter;
pub use query::Query;
pub use snippet::{name_pieces, snippet};
pub use turns::Turns;
pub(crate) use words::stems;

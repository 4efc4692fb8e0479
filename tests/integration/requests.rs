//! What holds for every request.

mod bad_input;
mod conditions;
mod cross_site;
mod fields;
mod internal_fault;
mod pages;
mod paths;
mod plain_words;

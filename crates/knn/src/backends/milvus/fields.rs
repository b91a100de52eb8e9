//! The table as fields of the collection, with `--store-texts`: `text`, then the other columns.
//!
//! A field has the name of its column, with `_` for every letter that Milvus does not allow in a name. Nothing is cut: a text that
//! is longer than a field may be is an error.

use artifacts::{ScalarColumn, Scalars};
use milvus_client::{Collection, Column, Field, Kind, MAX_TEXT, Values};
use stage::Progress;

use super::Error;
use crate::backend::Table;

/// The most fields of a collection.
const MAX_FIELDS: usize = 64;

/// The longest name of a field.
const MAX_NAME: usize = 255;

/// The fields besides ids and vectors; none without `--store-texts`.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields<'a> {
    fields: Vec<Field>,
    columns: &'a [ScalarColumn],
}

impl<'a> Fields<'a> {
    /// Those of `table`, which are checked. Notes which columns are stored otherwise than they are.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`], [`Error::TooManyFields`].
    pub(super) fn of(table: Table<'a>, progress: &dyn Progress) -> Result<Self, Error> {
        let columns = table.columns;
        if columns.len() + 2 > MAX_FIELDS {
            return Err(Error::TooManyFields {
                columns: columns.len(),
                most: MAX_FIELDS - 2,
            });
        }
        let mut fields: Vec<Field> = Vec::new();
        for column in columns {
            check_lengths(column)?;
            let name = name_of(&column.name, &fields);
            if name != column.name {
                let from = &column.name;
                progress.note(&format!(
                    "the column `{from}` is stored as the field {name}"
                ));
            }
            if column.missing > 0 {
                progress.note(&format!(
                    "{} missing values of `{}` are stored as empty texts",
                    column.missing, column.name
                ));
            }
            let kind = match column.values {
                Scalars::Boolean(_) => Kind::Boolean,
                Scalars::Integer(_) => Kind::Integer,
                Scalars::Float(_) => Kind::Float,
                Scalars::Text(_) => Kind::Text,
            };
            fields.push(Field { name, kind });
        }
        Ok(Self { fields, columns })
    }

    /// Their names and types.
    pub(super) fn schema(&self) -> &[Field] {
        &self.fields
    }

    /// The bytes of the values of row `id`.
    pub(super) fn bytes(&self, id: u32) -> usize {
        let columns = self.columns.iter();
        let bytes = columns.map(|column| match &column.values {
            Scalars::Text(texts) => texts.value(id as usize).len() + 4,
            _ => 8,
        });
        bytes.sum()
    }

    /// The values of the rows `ids`.
    pub(super) fn values(&self, ids: &[i64]) -> Vec<Column> {
        let rows = || ids.iter().map(|&id| id as usize);
        let fields = self.fields.iter().zip(self.columns);
        let column = |(field, column): (&Field, &ScalarColumn)| Column {
            name: field.name.clone(),
            values: match &column.values {
                Scalars::Boolean(values) => {
                    Values::Boolean(rows().map(|row| values.value(row)).collect())
                }
                Scalars::Integer(values) => {
                    Values::Integer(rows().map(|row| values.value(row)).collect())
                }
                Scalars::Float(values) => {
                    Values::Float(rows().map(|row| values.value(row)).collect())
                }
                Scalars::Text(values) => {
                    Values::Text(rows().map(|row| values.value(row).to_owned()).collect())
                }
            },
        };
        fields.map(column).collect()
    }
}

fn check_lengths(column: &ScalarColumn) -> Result<(), Error> {
    let Scalars::Text(texts) = &column.values else {
        return Ok(());
    };
    let lengths = (0..column.values.len()).map(|row| texts.value(row).len());
    match lengths.enumerate().find(|&(_, bytes)| bytes > MAX_TEXT) {
        None => Ok(()),
        Some((row, bytes)) => Err(Error::TooLong {
            column: column.name.clone(),
            row,
            bytes,
        }),
    }
}

/// The name of a field for the column `column`, unlike those of `taken`.
fn name_of(column: &str, taken: &[Field]) -> String {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        }
    };
    let mut name: String = column.chars().map(plain).take(MAX_NAME - 4).collect();
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    let is_taken = |name: &str| {
        [Collection::ID, Collection::VECTOR].contains(&name)
            || taken.iter().any(|other| other.name == name)
    };
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names
        .find(|name| !is_taken(name))
        .expect("some number is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_are_plain_and_distinct() {
        let mut fields = Vec::new();
        for (column, expected) in [
            ("text", "text"),
            ("Published at", "Published_at"),
            ("Published-at", "Published_at_2"),
            ("1st", "_1st"),
            ("größe", "gr__e"),
            ("id", "id_2"),
            ("embedding", "embedding_2"),
            ("", "_"),
        ] {
            let name = name_of(column, &fields);
            assert_eq!(name, expected);
            fields.push(Field {
                name,
                kind: Kind::Text,
            });
        }
        assert_eq!(name_of(&"x".repeat(900), &fields).len(), MAX_NAME - 4);
    }
}

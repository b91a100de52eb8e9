//! Collections, their rows and their index.

use crate::client::pair;
use crate::proto::{
    self, FieldData, FieldSchema, FieldValues, FloatArray, LongArray, ScalarData, ScalarField,
    StringArray, VectorField, data_type,
};

/// The largest text of a field, in bytes.
pub const MAX_TEXT: usize = 65_535;

/// A collection: a primary key, one vector, and texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its name: letters, digits and `_`, not beginning with a digit.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The number of values of a vector; 0 if it has no field [`Collection::VECTOR`] of floats.
    pub dimensions: usize,
    /// The names of the other fields, which hold texts.
    pub columns: Vec<String>,
}

impl Collection {
    /// The name of the primary key.
    pub const ID: &'static str = "id";
    /// The name of the vectors.
    pub const VECTOR: &'static str = "embedding";

    pub(crate) fn to_schema(&self) -> proto::CollectionSchema {
        let field = |name: &str, data_type| FieldSchema {
            name: name.to_owned(),
            data_type,
            ..FieldSchema::default()
        };
        let mut fields = vec![
            FieldSchema {
                is_primary_key: true,
                ..field(Self::ID, data_type::INT64)
            },
            FieldSchema {
                type_params: vec![pair("dim", self.dimensions.to_string())],
                ..field(Self::VECTOR, data_type::FLOAT_VECTOR)
            },
        ];
        fields.extend(self.columns.iter().map(|name| FieldSchema {
            type_params: vec![pair("max_length", MAX_TEXT.to_string())],
            ..field(name, data_type::VARCHAR)
        }));
        proto::CollectionSchema {
            name: self.name.clone(),
            description: self.description.clone(),
            fields,
        }
    }

    pub(crate) fn from_schema(name: &str, schema: proto::CollectionSchema) -> Self {
        let is_vector = |field: &&FieldSchema| {
            field.name == Self::VECTOR && field.data_type == data_type::FLOAT_VECTOR
        };
        let vector = schema.fields.iter().find(is_vector);
        let dimensions = vector.and_then(|field| {
            let mut parameters = field.type_params.iter();
            let dimensions = parameters.find(|parameter| parameter.key == "dim")?;
            dimensions.value.parse().ok()
        });
        let of_ours = [Self::ID, Self::VECTOR];
        Self {
            name: name.to_owned(),
            description: schema.description,
            dimensions: dimensions.unwrap_or(0),
            columns: schema
                .fields
                .into_iter()
                .map(|field| field.name)
                .filter(|name| !of_ours.contains(&name.as_str()))
                .collect(),
        }
    }
}

/// A column of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// One text per row, of at most [`MAX_TEXT`] bytes.
    pub values: Vec<String>,
}

/// Rows to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The primary keys.
    pub ids: Vec<i64>,
    /// The vectors, row after row.
    pub vectors: Vec<f32>,
    /// The other fields.
    pub columns: Vec<Column>,
}

impl Rows {
    pub(crate) fn into_fields(self) -> Vec<FieldData> {
        let dim = self.vectors.len() / self.ids.len().max(1);
        let field = |name: &str, data_type, values| FieldData {
            data_type,
            field_name: name.to_owned(),
            field: Some(values),
        };
        let scalars = |data| FieldValues::Scalars(ScalarField { data: Some(data) });
        let ids = ScalarData::Long(LongArray { data: self.ids });
        let vectors = VectorField {
            dim: dim as i64,
            float_vector: Some(FloatArray { data: self.vectors }),
        };
        let mut fields = vec![
            field(Collection::ID, data_type::INT64, scalars(ids)),
            field(
                Collection::VECTOR,
                data_type::FLOAT_VECTOR,
                FieldValues::Vectors(vectors),
            ),
        ];
        fields.extend(self.columns.into_iter().map(|column| {
            let texts = ScalarData::String(StringArray {
                data: column.values,
            });
            field(&column.name, data_type::VARCHAR, scalars(texts))
        }));
        fields
    }
}

/// The state of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexState {
    /// Its kind, such as `HNSW`; empty if the server does not say so.
    pub kind: String,
    /// Its metric: `L2`, `COSINE` or `IP`.
    pub metric: String,
    /// Number of rows that it holds.
    pub indexed: u64,
    /// Number of rows that it is to hold.
    pub total: u64,
    /// Whether it is complete.
    pub finished: bool,
    /// Why it could not be built.
    pub failure: Option<String>,
}

impl IndexState {
    pub(crate) fn of(index: &proto::IndexDescription) -> Self {
        const FINISHED: i32 = 3;
        const FAILED: i32 = 4;
        let parameter = |key: &str| {
            let mut parameters = index.params.iter();
            let found = parameters.find(|parameter| parameter.key == key);
            found.map(|found| found.value.clone()).unwrap_or_default()
        };
        Self {
            kind: parameter("index_type"),
            metric: parameter("metric_type"),
            indexed: u64::try_from(index.indexed_rows).unwrap_or(0),
            total: u64::try_from(index.total_rows).unwrap_or(0),
            finished: index.state == FINISHED && index.pending_index_rows <= 0,
            failure: (index.state == FAILED).then(|| index.index_state_fail_reason.clone()),
        }
    }
}

//! Reading the reference files of `tests/data`.

use arrow::array::{ArrayRef, AsArray, FixedSizeListArray, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;
use hdbscan_graph::Linkage;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A table with its columns by name.
pub(crate) struct Table(RecordBatch);

impl Table {
    /// The file `name` of `tests/data`.
    pub(crate) fn of_data(name: &str) -> Self {
        let file = std::fs::File::open(test_support::data(name)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .with_batch_size(1 << 20)
            .build()
            .unwrap();
        let batches: Vec<_> = reader.map(Result::unwrap).collect();
        Self(arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap())
    }

    fn column(&self, name: &str) -> ArrayRef {
        self.0.column_by_name(name).unwrap().clone()
    }

    pub(crate) fn f64(&self, name: &str) -> Vec<f64> {
        let values = cast(&self.column(name), &DataType::Float64).unwrap();
        values.as_primitive::<Float64Type>().values().to_vec()
    }

    pub(crate) fn i64(&self, name: &str) -> Vec<i64> {
        let values = cast(&self.column(name), &DataType::Int64).unwrap();
        values.as_primitive::<Int64Type>().values().to_vec()
    }

    /// A column of lists of one length, flat, and that length.
    pub(crate) fn lists(&self, name: &str) -> (Vec<f32>, usize) {
        let column = self.column(name);
        let lists: &FixedSizeListArray = column.as_fixed_size_list();
        let values: PrimitiveArray<Float32Type> = cast(lists.values(), &DataType::Float32)
            .unwrap()
            .as_primitive()
            .clone();
        (values.values().to_vec(), lists.value_length() as usize)
    }
}

/// The single linkage tree of a reference.
pub(crate) fn linkage(data: &str, min_samples: usize) -> Linkage {
    let table = Table::of_data(&format!("{data}/ms{min_samples}.single_linkage.parquet"));
    let ids = |name: &str| {
        table
            .i64(name)
            .into_iter()
            .map(|id| id as u32)
            .collect::<Vec<_>>()
    };
    Linkage {
        left: ids("left_child"),
        right: ids("right_child"),
        distance: table.f64("distance"),
        size: ids("size"),
    }
}

/// The largest relative difference of two sorted lists.
pub(crate) fn relative(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).abs() / x.abs().max(y.abs()).max(f64::MIN_POSITIVE))
        .fold(0.0, f64::max)
}

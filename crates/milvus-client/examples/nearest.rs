//! Creates a collection, fills, searches and drops it: `cargo run --example nearest -- http://127.0.0.1:19530 [TOKEN]`.

use std::io::Write as _;

use milvus_client::{Client, Collection, Error, Rows, Search, Settings, Token, Write};

fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let uri = words
        .next()
        .unwrap_or_else(|| "http://127.0.0.1:19530".to_owned());
    let mut settings = Settings::new(&uri)?;
    settings.token = words.next().map(Token::new);
    let client = Client::connect(&settings)?;
    let name = "milvus_client_example";
    client.create(&Collection {
        name: name.to_owned(),
        description: "points on a line".to_owned(),
        dimensions: 2,
        fields: Vec::new(),
    })?;
    let ids: Vec<i64> = (0..1000).collect();
    let vectors = ids.iter().flat_map(|&id| [id as f32, 0.5]).collect();
    let rows = Rows {
        ids,
        vectors,
        columns: Vec::new(),
    };
    client.write(name, rows, Write::Insert)?;
    client.create_index(name, "FLAT", "L2", "{}")?;
    client.load(name)?;
    let found = client.search(Search {
        collection: name.to_owned(),
        queries: vec![17.2, 0.5],
        dimensions: 2,
        limit: 3,
        metric: "L2",
        parameters: "{}".to_owned(),
        columns: Vec::new(),
    })?;
    let count = client.count(name, "")?;
    client.drop_collection(name)?;
    let _ = writeln!(
        std::io::stdout(),
        "{count} rows; nearest to 17.2: {:?} at squared distances {:?}",
        found.ids,
        found.scores
    );
    Ok(())
}

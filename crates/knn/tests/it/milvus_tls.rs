//! An encrypted connection to the server of the tests, with a certificate of an authority of the tests.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use artifacts::{Embeddings, Footer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::data::topics;
use crate::milvus_server::Server;

/// A file of the authority, or of the server's certificate.
fn file(name: &str) -> std::path::PathBuf {
    test_support::data("tls").join(name)
}

/// Decrypts connections for the server at `target`; ends with the runtime.
fn start_tls(runtime: &Runtime, target: SocketAddr) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let listener = listener.unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut encrypted) = acceptor.accept(socket).await else {
                    return;
                };
                if let Ok(mut plain) = TcpStream::connect(target).await {
                    let _ = copy_bidirectional(&mut encrypted, &mut plain).await;
                }
            });
        }
    });
    address
}

fn search(dir: &Path, uri: &str, authority: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skerry-knn"));
    command
        .args([
            "--embeddings",
            "embeddings.parquet",
            "--neighbors",
            "n.parquet",
        ])
        .args(["--k", "5", "--backend", "milvus", "--uri", uri])
        .current_dir(dir)
        .env_remove("SSL_CERT_DIR")
        // In place of those that the machine trusts.
        .env("SSL_CERT_FILE", authority);
    command.output().unwrap()
}

#[test]
fn encrypted_servers_need_a_certificate_that_is_trusted() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = Server::start();
    let address = start_tls(&runtime, server.address);
    let dir = tempfile::tempdir().unwrap();
    Embeddings::new(8, topics(300, 8, 9, 3))
        .write(&dir.path().join("embeddings.parquet"), &Footer::default())
        .unwrap();
    let uri = format!("https://{address}");
    let output = search(dir.path(), &uri, &file("server.pem"));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success()
            && message.contains(&format!("no connection to Milvus at {address}"))
            && message.contains("certificate")
            && message.contains("SSL_CERT_FILE"),
        "{message}"
    );
    assert!(!dir.path().join("n.parquet").exists());
    // Its own authority is trusted.
    let output = search(dir.path(), &uri, &file("authority.pem"));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    assert!(dir.path().join("n.parquet").exists());
    assert_eq!(server.change(|state| state.collections.len()), 1);
}

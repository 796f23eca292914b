//! Which nodes are meant, and asking all of them at once.

use std::cell::Cell;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};
use futures_util::future::join_all;
use ichor_client::{Client, EndpointError, NodeAddress};
use tonic::Streaming;

use crate::explain;
use crate::output;
use crate::table::Table;

pub(crate) use crate::explain::called;

/// Flags that all commands for nodes have.
#[derive(Args, Debug)]
#[command(next_help_heading = "Nodes")]
pub(crate) struct NodeFlags {
    /// Nodes, separated by commas: HOST, HOST:PORT or [IPV6]:PORT; those of ICHOR_NODES without this.
    #[arg(
        short,
        long,
        value_delimiter = ',',
        value_name = "NODE",
        value_parser = parse_node
    )]
    nodes: Vec<NodeAddress>,
    /// Connect to nodes in maintenance mode, without a certificate of one's own.
    #[arg(short, long)]
    insecure: bool,
    /// Accept only a server certificate with one of these fingerprints, separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "FINGERPRINT",
        value_parser = parse_fingerprint
    )]
    cert_fingerprint: Vec<String>,
    /// Nodes to connect to, which pass calls on.
    #[arg(short, long, hide = true, value_delimiter = ',')]
    endpoints: Vec<String>,
    /// Context of the client configuration.
    #[arg(long, hide = true)]
    context: Option<String>,
    /// File of the client configuration.
    #[arg(long, hide = true)]
    talosconfig: Option<PathBuf>,
    /// Cluster behind a proxy.
    #[arg(short, long, hide = true)]
    cluster: Option<String>,
    /// Directory of keys that sign requests to a proxy.
    #[arg(long, hide = true)]
    siderov1_keys_dir: Option<PathBuf>,
}

/// The flags by the names that clap has for them.
const FLAGS: &[&str] = &[
    "nodes",
    "insecure",
    "cert_fingerprint",
    "endpoints",
    "context",
    "talosconfig",
    "cluster",
    "siderov1_keys_dir",
];

/// The first of these flags that was written, before or after the command.
pub(crate) fn first_given(matches: &ArgMatches) -> Option<String> {
    let given = |flag: &&&str| {
        let is_known = matches.ids().any(|id| id.as_str() == **flag);
        is_known && matches.value_source(flag) == Some(ValueSource::CommandLine)
    };
    match FLAGS.iter().find(given) {
        Some(flag) => Some(flag.replace('_', "-")),
        None => first_given(matches.subcommand()?.1),
    }
}

/// Gives all commands the flags. clap's own way to do so forgets what stands before a command when
/// the same flag stands behind it.
pub(crate) fn with_flags(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|below| with_flags(add_flags(below, &flags())))
}

/// A command that has these flags only.
pub(crate) fn flags() -> clap::Command {
    NodeFlags::augment_args(clap::Command::new("flags"))
}

/// A command may have a letter for itself, when it asks no node.
fn add_flags(command: clap::Command, flags: &clap::Command) -> clap::Command {
    let letters = command.get_arguments().filter_map(clap::Arg::get_short);
    let letters: Vec<_> = letters.collect();
    let is_free = |flag: &&clap::Arg| !flag.get_short().is_some_and(|it| letters.contains(&it));
    let free: Vec<_> = flags.get_arguments().filter(is_free).cloned().collect();
    command.args(free)
}

/// The nodes that are meant when no flag names any, written as for the flag.
const VARIABLE: &str = "ICHOR_NODES";

/// Lists are also written with blanks after their commas.
fn parse_node(text: &str) -> Result<NodeAddress, EndpointError> {
    text.trim().parse()
}

/// A fingerprint is the base64 of a SHA-256.
fn parse_fingerprint(text: &str) -> Result<String, String> {
    const LENGTH: usize = 44;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    match text.len() == LENGTH && text.bytes().all(is_base64) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "a fingerprint has {LENGTH} characters of base64, as the node's console shows it"
        )),
    }
}

/// A connected node.
#[derive(Debug)]
pub(crate) struct Connected {
    /// As the person named it.
    pub(crate) name: String,
    pub(crate) client: Client,
    has_failed: Cell<bool>,
}

impl Connected {
    async fn new(node: &NodeAddress, fingerprints: &[String]) -> Result<Self> {
        let client = Client::insecure(node, fingerprints).await;
        Ok(Self {
            name: node.to_string(),
            client: client.map_err(|error| explain::connect(&error))?,
            has_failed: Cell::new(false),
        })
    }

    /// Tells of something that failed, while the rest goes on.
    pub(crate) fn complain(&self, error: &anyhow::Error) {
        self.has_failed.set(true);
        complain(&self.name, error);
    }

    async fn ask<T>(&self, question: &impl AsyncFn(&Self) -> Result<T>) -> Option<T> {
        match question(self).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.complain(&error);
                None
            }
        }
    }
}

fn complain(node: &str, error: &anyhow::Error) {
    let error = explain::one_line(error);
    output::tell(format_args!("error from node {node}: {error}"));
}

/// What nodes have answered, in the order in which they were named.
#[derive(Debug)]
pub(crate) struct Answers<T> {
    pub(crate) answers: Vec<(String, T)>,
    failed: bool,
}

impl<T> Answers<T> {
    #[cfg(test)]
    pub(crate) fn of(node: &str, answer: T) -> Self {
        Self {
            answers: vec![(node.to_owned(), answer)],
            failed: false,
        }
    }

    /// Prints a table of the answers, if there are any, and gives the exit code.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn finish(&self, mut table: Table) -> Result<ExitCode> {
        if !self.answers.is_empty() {
            output::print(table.take())?;
        }
        Ok(self.exit_code())
    }

    /// The exit code: one node's error never hides another's answer, and is never forgotten.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.failed {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        }
    }
}

impl<M> Answers<Vec<M>> {
    /// Each message of each node, with the node's name.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (&str, &M)> {
        self.answers.iter().flat_map(|(node, messages)| {
            messages.iter().map(move |message| (node.as_str(), message))
        })
    }
}

impl NodeFlags {
    /// Adds the flags that stand behind the command, and behind those below it.
    pub(crate) fn add_those_below(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        match matches.subcommand() {
            Some((_, below)) => {
                self.add(Self::from_arg_matches(below)?);
                self.add_those_below(below)
            }
            None => Ok(()),
        }
    }

    fn add(&mut self, later: Self) {
        let Self {
            nodes,
            insecure,
            cert_fingerprint,
            endpoints,
            context,
            talosconfig,
            cluster,
            siderov1_keys_dir,
        } = later;
        self.nodes.extend(nodes);
        self.insecure |= insecure;
        self.cert_fingerprint.extend(cert_fingerprint);
        self.endpoints.extend(endpoints);
        self.context = context.or(self.context.take());
        self.talosconfig = talosconfig.or(self.talosconfig.take());
        self.cluster = cluster.or(self.cluster.take());
        self.siderov1_keys_dir = siderov1_keys_dir.or(self.siderov1_keys_dir.take());
    }

    /// With the nodes of the environment, when no flag names any. Only commands for nodes call this,
    /// so that what stands there is nothing to others.
    ///
    /// # Errors
    /// When the variable does not list nodes.
    pub(crate) fn or_environment(self) -> Result<Self> {
        match std::env::var_os(VARIABLE) {
            Some(listed) => self.or_listed(&listed.to_string_lossy()),
            None => Ok(self),
        }
    }

    fn or_listed(mut self, listed: &str) -> Result<Self> {
        if self.nodes.is_empty() {
            let items = listed.split(',').filter(|item| !item.trim().is_empty());
            let nodes = items.map(parse_node).collect::<Result<_, _>>();
            self.nodes = nodes.context(VARIABLE)?;
        }
        Ok(self)
    }

    /// Asks all nodes at once. What fails is told at once; the others' answers are given.
    ///
    /// # Errors
    /// When it is not said which nodes are meant.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFn(&Connected) -> Result<T>,
    ) -> Result<Answers<T>> {
        self.check()?;
        let ask = async |node: &NodeAddress| {
            let connected = match Connected::new(node, &self.cert_fingerprint).await {
                Ok(connected) => connected,
                Err(error) => {
                    complain(&node.to_string(), &error);
                    return (None, true);
                }
            };
            let answer = connected.ask(&question).await;
            let failed = connected.has_failed.get();
            (answer.map(|answer| (connected.name, answer)), failed)
        };
        let asked = join_all(self.nodes.iter().map(ask)).await;
        Ok(Answers {
            failed: asked.iter().any(|(_, failed)| *failed),
            answers: asked.into_iter().filter_map(|(answer, _)| answer).collect(),
        })
    }

    /// Whether several nodes are meant.
    pub(crate) fn are_several(&self) -> bool {
        self.nodes.len() > 1
    }

    /// # Errors
    /// When several nodes are meant, for what makes sense for one only.
    pub(crate) fn require_one(&self, what: &str) -> Result<()> {
        match self.are_several() {
            true => bail!("{what} is of one node: name only one with --nodes"),
            false => Ok(()),
        }
    }

    /// # Errors
    /// When it is not said which nodes are meant, or in a way that is not there yet.
    pub(crate) fn check(&self) -> Result<()> {
        let not_yet = [
            ("endpoints", !self.endpoints.is_empty()),
            ("context", self.context.is_some()),
            ("talosconfig", self.talosconfig.is_some()),
            ("cluster", self.cluster.is_some()),
            ("siderov1-keys-dir", self.siderov1_keys_dir.is_some()),
        ];
        if let Some((flag, _)) = not_yet.iter().find(|(_, given)| *given) {
            match self.insecure {
                true => bail!(
                    "--{flag} means nothing with --insecure: each node is reached directly, under \
                     the address that --nodes gives"
                ),
                false => bail!(
                    "--{flag}: client configurations and certificates are not implemented yet; for \
                     nodes in maintenance mode, use --insecure and --nodes"
                ),
            }
        }
        if self.nodes.is_empty() {
            bail!("no node is named: use --nodes, or set {VARIABLE}");
        }
        if !self.insecure {
            bail!(
                "certificates of one's own are not implemented yet: use --insecure for nodes in \
                 maintenance mode"
            );
        }
        Ok(())
    }
}

/// Takes the messages of a stream until it ends.
pub(crate) async fn read<T>(
    method: &'static str,
    mut stream: Streaming<T>,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    while let Some(message) = stream.message().await.map_err(called(method))? {
        take(message)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser;

    use super::*;
    use crate::arguments;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: NodeFlags,
    }

    fn nodes(words: &[&str], listed: &str) -> Result<String> {
        let words = [&["ichor"], words].concat();
        let flags = Line::try_parse_from(words)?.flags.or_listed(listed)?;
        let nodes = flags.nodes.iter().map(NodeAddress::to_string);
        Ok(nodes.collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn the_environment_counts_when_no_flag_names_a_node() {
        assert_eq!(nodes(&[], "a, b:7 ,").unwrap(), "a|b:7");
        assert_eq!(nodes(&["-n", "c, d"], "a").unwrap(), "c|d");
        assert_eq!(nodes(&["-n", "c"], "a:b").unwrap(), "c");
        for nothing in ["", " ", ","] {
            assert_eq!(nodes(&[], nothing).unwrap(), "", "{nothing:?}");
        }
        let error = explain::one_line(&nodes(&[], "a,b:c").unwrap_err());
        assert!(
            error.starts_with("ICHOR_NODES: \"b:c\" is not a node"),
            "{error}"
        );
    }

    #[test]
    fn flags_of_all_places_count() {
        let fingerprints = ["A", "B"].map(|letter| letter.repeat(44));
        let [before, behind] = &fingerprints;
        let line = format!(
            "ichor -i -n a --cert-fingerprint {before} -e x inspect -n b,c -e y dependencies -n d \
             --cert-fingerprint {behind}"
        );
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        let flags = arguments::parse(&words).unwrap().nodes;
        let nodes: Vec<_> = flags.nodes.iter().map(NodeAddress::to_string).collect();
        assert_eq!(nodes, ["a", "b", "c", "d"]);
        assert_eq!(flags.cert_fingerprint, fingerprints);
        assert_eq!(flags.endpoints, ["x", "y"]);
        assert!(flags.insecure);
    }
}

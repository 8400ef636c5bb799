//! What all principals see, compared with `landbridge.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::member::{Deployment, includes, key, own_function, same_resource, shown_function};
use super::own_tables::OwnTables;
use super::sight::Index;
use super::{Grant, Live, LiveColumns, NotKnown, Place, Power, Seen, Sight};
use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED, ClassConfig, Config, FUNCTION_WORKER};
use crate::contract::{ColumnContract, Contract, TableContract, Transform};
use crate::names::{ColumnNames, column_name, column_with_suffix, is_same};

/// What a report is about. Empty: everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this class.
    pub class: Option<String>,
    /// Only this principal.
    pub principal: Option<String>,
    /// Only the classes of this table of the contract.
    pub table: Option<String>,
    /// Readers of the dataset whom no class names: the input `dataset_readers` of Terraform.
    pub dataset_readers: Vec<String>,
}

/// What a principal sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrincipalAccess {
    /// A member of IAM policies. Who is in a group is not known.
    pub principal: String,
    /// The function of ours whose identity this is; with its database, if there are several: `billing/load`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Columns of class `none`.
    pub none: Seen,
    /// Columns of each class.
    pub classes: BTreeMap<String, Seen>,
    /// The files of the landing bucket, which contain every class in plain.
    pub landing_files: Seen,
}

/// A principal that sees more than `landbridge.yaml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The principal.
    pub principal: String,
    /// The classes; `none` for columns without a tag.
    pub classes: Vec<String>,
    /// Whether these are the files of the landing bucket rather than tables.
    pub landing_files: bool,
    /// What it sees.
    pub sees: Sight,
    /// What it should see.
    pub allowed: Sight,
    /// It sees this only if it may also query the tables, for example by a group.
    pub if_it_may_query: bool,
    /// The bindings that give it; none if the taxonomy does not enforce its tags.
    pub through: Vec<Grant>,
    /// The commands that take it away.
    pub commands: Vec<String>,
}

/// A principal that can give itself or others more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opener {
    /// The principal.
    pub principal: String,
    /// The bindings that give it.
    pub through: Vec<Grant>,
}

/// A reader of the dataset whom no class names: not wrong, because `dataset_readers` of Terraform may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unnamed {
    /// The principal.
    pub principal: String,
    /// The bindings that give it.
    pub through: Vec<Grant>,
}

/// A column whose live policy tag is not the tag of its class, nor that of `unclassified`; or a column that the contract
/// does not name, without a tag of a class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UnprotectedColumn {
    /// The table in BigQuery.
    pub table: String,
    /// The column in BigQuery.
    pub column: String,
    /// The class of the contract; `unclassified` for a column that it does not name.
    pub class: String,
    /// The class whose tag it has; `None`: it has no tag, or one of none of our classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has: Option<String>,
}

/// A table of the dataset that Landbridge did not create. It sets and checks no policy tag of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignTable {
    /// The table in BigQuery.
    pub table: String,
    /// Its columns without a policy tag: everyone who may query the dataset reads them.
    pub untagged: Vec<String>,
}

/// Who sees what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The principals that a policy names, by name.
    pub principals: Vec<PrincipalAccess>,
    /// What everyone else sees.
    pub everyone_else: Seen,
    /// Who sees more than `landbridge.yaml` says.
    pub more_than_configured: Vec<Finding>,
    /// Columns that everyone who may query the dataset, or the readers of another class, may read.
    pub unprotected_columns: Vec<UnprotectedColumn>,
    /// Tables of the dataset that Landbridge did not create.
    pub foreign_tables: Vec<ForeignTable>,
    /// Readers of columns of class `none` whom no class names.
    pub unnamed_readers: Vec<Unnamed>,
    /// Who can give more.
    pub can_open: Vec<Opener>,
    /// Views, datasets and routines that read the tables on behalf of their readers.
    pub authorized: Vec<String>,
    /// Tables with row access policies: their readers may see fewer rows.
    pub row_policies: BTreeMap<String, usize>,
    /// What was not read.
    pub not_known: Vec<NotKnown>,
}

impl Report {
    /// Whether a principal sees more than `landbridge.yaml` says.
    pub fn shows_more(&self) -> bool {
        !self.more_than_configured.is_empty()
            || !self.unprotected_columns.is_empty()
            || self.open_tables().next().is_some()
    }

    /// The tables that Landbridge did not create and that have columns without a policy tag.
    pub fn open_tables(&self) -> impl Iterator<Item = &ForeignTable> {
        self.foreign_tables.iter().filter(|it| !it.untagged.is_empty())
    }
}

/// Evaluates the live policies for the database of `config`; `deployment` has the identities of all databases, which
/// share the landing bucket and the taxonomy. Pure.
pub fn evaluate(
    live: &Live,
    (config, contract): (&Config, &Contract),
    deployment: &Deployment,
    filter: &Filter,
) -> Report {
    let own = OwnTables::new(config, contract);
    let work = Work { index: Index::new(live), live, config, contract, own, deployment, filter };
    let only = filter.principal.as_deref().map(key);
    let principals: Vec<String> = work
        .index
        .principals()
        .into_iter()
        .filter(|it| only.as_ref().is_none_or(|of| of == it))
        .collect();
    let classes = work.classes();
    let mut report = Report {
        principals: Vec::new(),
        everyone_else: work.everyone_else(),
        more_than_configured: Vec::new(),
        unprotected_columns: work.unprotected(),
        foreign_tables: work.foreign(),
        unnamed_readers: Vec::new(),
        can_open: Vec::new(),
        authorized: live.authorized.clone(),
        row_policies: live.row_policies.clone(),
        not_known: live.not_known.clone(),
    };
    for principal in &principals {
        report.principals.push(work.access(principal, &classes));
        report.more_than_configured.extend(work.findings(principal, &classes));
        report.unnamed_readers.extend(work.unnamed(principal));
        let through = work.index.grants(principal, Power::Opens, |_| true);
        if !through.is_empty() && own_function(principal, deployment).is_none() {
            report.can_open.push(Opener { principal: principal.clone(), through });
        }
    }
    report
}

struct Work<'a> {
    index: Index<'a>,
    live: &'a Live,
    config: &'a Config,
    contract: &'a Contract,
    own: OwnTables<'a>,
    deployment: &'a Deployment,
    filter: &'a Filter,
}

impl Work<'_> {
    /// The classes of the report. A class of a contract's table that the filter names counts only if a
    /// column of the table has it.
    fn classes(&self) -> BTreeMap<String, ClassConfig> {
        let of_table: Option<BTreeSet<&str>> = self.filter.table.as_ref().map(|table| {
            let columns =
                self.contract.tables.get(table).into_iter().flat_map(|it| it.columns.values());
            columns.map(|it| it.class.as_str()).chain([CLASS_UNCLASSIFIED]).collect()
        });
        let wanted = |name: &String| {
            self.filter.class.as_ref().is_none_or(|it| it == name)
                && of_table.as_ref().is_none_or(|it| it.contains(name.as_str()))
        };
        self.config.pii.all().into_iter().filter(|(name, _)| wanted(name)).collect()
    }

    /// Whether the report is about columns without a tag.
    fn shows_none(&self) -> bool {
        self.filter.class.as_ref().is_none_or(|it| it == CLASS_NONE)
    }

    fn access(&self, principal: &str, classes: &BTreeMap<String, ClassConfig>) -> PrincipalAccess {
        let index = &self.index;
        let reads = !index.data(principal).is_empty();
        let data_may_hide = index.may_hide(Power::Tables, |_| true);
        let seen = |class: &String| {
            let tag = self.live.tags.get(class).cloned().unwrap_or_default();
            let (sight, _) = index.of_tag(principal, &tag);
            let sees = if reads { sight } else { Sight::Nothing };
            let at_least =
                sees != Sight::Plain && (data_may_hide && !reads || index.tag_may_hide(&tag));
            (class.clone(), Seen { sees, at_least })
        };
        let plain_if = |has: bool, may_hide: bool| Seen {
            sees: if has { Sight::Plain } else { Sight::Nothing },
            at_least: !has && may_hide,
        };
        let files = !index.grants(principal, Power::Objects, |_| true).is_empty();
        PrincipalAccess {
            principal: principal.to_owned(),
            function: shown_function(principal, self.deployment),
            none: plain_if(reads, data_may_hide),
            classes: classes.keys().map(seen).collect(),
            landing_files: plain_if(files, index.may_hide(Power::Objects, |_| true)),
        }
    }

    /// Those whom no policy names see nothing, if all policies were read.
    fn everyone_else(&self) -> Seen {
        let hides = |power| self.index.may_hide(power, |_| true);
        Seen { sees: Sight::Nothing, at_least: hides(Power::Tables) || hides(Power::Objects) }
    }

    /// What `landbridge.yaml` lets a principal see of a class.
    fn allowed(&self, principal: &str, class: &ClassConfig) -> Sight {
        let named = |members: &[String]| members.iter().any(|it| includes(it, principal));
        let sees_masks =
            matches!(own_function(principal, self.deployment), Some("views" | "models"));
        if named(&class.readers) {
            Sight::Plain
        } else if sees_masks || named(&class.masked_readers) {
            Sight::Masked(class.mask.as_str().to_owned())
        } else {
            Sight::Nothing
        }
    }

    /// Whether a principal may query the dataset: a class names it, or it is a function of ours, or the
    /// caller says so.
    fn is_dataset_reader(&self, principal: &str) -> bool {
        let all = self.config.pii.all();
        let members = all.values().flat_map(|it| it.readers.iter().chain(&it.masked_readers));
        members.chain(&self.filter.dataset_readers).any(|it| includes(it, principal))
            || matches!(own_function(principal, self.deployment), Some("views" | "models"))
    }

    fn findings(&self, principal: &str, classes: &BTreeMap<String, ClassConfig>) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        let may_query = !self.index.data(principal).is_empty();
        for (name, class) in classes {
            let tag = self.live.tags.get(name).cloned().unwrap_or_default();
            let (sees, through) = self.index.of_tag(principal, &tag);
            let unenforced = through.is_empty() && sees == Sight::Plain;
            let allowed = self.allowed(principal, class);
            if sees_no_more(&sees, &allowed) || (unenforced && !may_query) {
                continue;
            }
            let alike = |it: &&mut Finding| {
                it.sees == sees && it.allowed == allowed && it.through == through
            };
            match found.iter_mut().find(alike) {
                Some(finding) => finding.classes.push(name.clone()),
                None => found.push(self.finding(principal, name, (sees, allowed), through)),
            }
        }
        found.iter_mut().for_each(|it| it.if_it_may_query = !may_query);
        found.extend(self.untagged(principal));
        found.extend(self.files(principal));
        found
    }

    fn finding(
        &self,
        principal: &str,
        class: &str,
        (sees, allowed): (Sight, Sight),
        through: Vec<Grant>,
    ) -> Finding {
        // A reader whom the file names has the right binding, and the wrong mask.
        let wrong_mask = matches!((&sees, &allowed), (Sight::Masked(_), Sight::Masked(_)));
        let commands = match through.is_empty() || wrong_mask {
            true => vec!["terraform apply".to_owned()],
            false => through.iter().map(Grant::remove_command).collect(),
        };
        Finding {
            principal: principal.to_owned(),
            classes: vec![class.to_owned()],
            landing_files: false,
            sees,
            allowed,
            if_it_may_query: false,
            through,
            commands,
        }
    }

    /// A principal that reads columns of class `none` by a right that neither the dataset's own list nor
    /// `landbridge.yaml` gives.
    fn untagged(&self, principal: &str) -> Option<Finding> {
        if !self.shows_none() || self.is_dataset_reader(principal) {
            return None;
        }
        if own_function(principal, self.deployment).is_some() {
            return None;
        }
        let through: Vec<Grant> = self
            .index
            .data(principal)
            .into_iter()
            .filter(|it| !matches!(it.place, Place::Dataset(..)) || is_shared(&it.member))
            .collect();
        (!through.is_empty())
            .then(|| self.finding(principal, CLASS_NONE, (Sight::Plain, Sight::Nothing), through))
    }

    /// A reader of the landing bucket who is neither the transfer, one of its workers, nor the load. The bucket is
    /// one for all databases.
    fn files(&self, principal: &str) -> Option<Finding> {
        if matches!(
            own_function(principal, self.deployment),
            Some("transfer" | FUNCTION_WORKER | "load")
        ) || self.filter.class.is_some()
            || self.filter.table.is_some()
        {
            return None;
        }
        let through = self.index.grants(principal, Power::Objects, |_| true);
        if through.is_empty() {
            return None;
        }
        let mut finding =
            self.finding(principal, CLASS_NONE, (Sight::Plain, Sight::Nothing), through);
        finding.landing_files = true;
        finding.classes = self.config.pii.all().into_keys().collect();
        Some(finding)
    }

    /// A reader of the dataset by its own list, whom no class names.
    fn unnamed(&self, principal: &str) -> Option<Unnamed> {
        if !self.shows_none()
            || self.is_dataset_reader(principal)
            || own_function(principal, self.deployment).is_some()
        {
            return None;
        }
        // Terraform lists the owners of the project, who are in `can_open`.
        let is_direct = |it: &Grant| {
            matches!(it.place, Place::Dataset(..))
                && !is_shared(&it.member)
                && !it.member.starts_with("projectOwner:")
        };
        let through: Vec<Grant> =
            self.index.data(principal).into_iter().filter(is_direct).collect();
        (!through.is_empty()).then(|| Unnamed { principal: principal.to_owned(), through })
    }

    /// The columns whose live tag is not the one of their class.
    fn unprotected(&self) -> Vec<UnprotectedColumn> {
        let mut found = Vec::new();
        for (table, live) in &self.live.tables {
            // The past days of a table are under the same contract.
            let source = self.own.source_of(table);
            if self.filter.table.as_ref().is_some_and(|it| source != Some(it.as_str())) {
                continue;
            }
            let entry = source.and_then(|it| self.contract.tables.get(it));
            let columns = live.iter();
            found.extend(columns.filter_map(|it| self.unprotected_column(table, entry, it)));
        }
        found
    }

    /// A live column of a table, if its tag is not the one of its class. A column that the contract does not
    /// name, or a table that it does not name, is `unclassified`: any of our tags closes it.
    fn unprotected_column(
        &self,
        table: &str,
        entry: Option<&TableContract>,
        (shown, tag): (&String, &Option<String>),
    ) -> Option<UnprotectedColumn> {
        let named = entry.and_then(|it| entry_of(it, shown));
        let class = match named {
            Some(column) => column.tagged_class()?,
            None => CLASS_UNCLASSIFIED,
        };
        if self.filter.class.as_ref().is_some_and(|it| it != class) {
            return None;
        }
        let has = tag.as_ref().and_then(|tag| self.class_of(tag));
        let is_protected = match &has {
            Some(has) => named.is_none() || has == class || has == CLASS_UNCLASSIFIED,
            None => false,
        };
        (!is_protected).then(|| UnprotectedColumn {
            table: table.to_owned(),
            column: shown.clone(),
            class: class.to_owned(),
            has,
        })
    }

    /// The tables that Landbridge did not create. What is in them is not known, so they belong to no table and
    /// no class of a filter.
    fn foreign(&self) -> Vec<ForeignTable> {
        if self.filter.table.is_some() || !self.shows_none() {
            return Vec::new();
        }
        let one = |(table, columns): (&String, &LiveColumns)| {
            let open = columns.iter().filter(|(_, tag)| tag.is_none());
            ForeignTable {
                table: table.clone(),
                untagged: open.map(|(name, _)| name.clone()).collect(),
            }
        };
        self.live.foreign_tables.iter().map(one).collect()
    }

    fn class_of(&self, tag: &str) -> Option<String> {
        let is = |it: &(&String, &super::ClassTag)| {
            it.1.path.first().is_some_and(|of| same_resource(of, tag))
        };
        self.live.tags.iter().find(is).map(|(class, _)| class.clone())
    }
}

/// The entry of the contract for a live column. Which entry is meant is recorded in the ledger, which is not read
/// here, so the names are tried that a column can have: the one in the contract, its own in either style, the one
/// that it has if another column wants that, and the one from before the contract named another.
fn entry_of<'a>(table: &'a TableContract, shown: &str) -> Option<&'a ColumnContract> {
    // The field of a struct belongs to its column.
    let shown = shown.split('.').next().unwrap_or_default();
    let rank = |source: &String, column: &ColumnContract| {
        let own = [ColumnNames::Flexible, ColumnNames::Plain].map(|it| column_name(source, it));
        let is_own = |name: &String| is_same(name, shown);
        let is_second = |name: &String| is_same(&column_with_suffix(name, source), shown);
        let given = column.name.as_ref();
        if given.map_or(source == shown, is_own) {
            Some(0)
        } else if given.is_none() && own.iter().any(is_own) {
            Some(1)
        } else if given.map_or_else(|| own.iter().any(is_second), is_second) {
            Some(2)
        } else {
            own.iter().any(is_own).then_some(3)
        }
    };
    // What is dropped is in no row.
    let landed = table.columns.iter().filter(|(_, it)| it.transform != Some(Transform::Drop));
    let ranked = landed.filter_map(|(source, column)| Some((rank(source, column)?, column)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, column)| column)
}

/// Whether a member stands for more people than those whom Terraform names: readers and editors of the
/// project, or everyone with a Google account. Owners are listed by Terraform.
fn is_shared(member: &str) -> bool {
    ["projectViewer:", "projectEditor:", "all"].iter().any(|it| member.starts_with(it))
}

/// Whether what a principal sees is no more than what it should see.
fn sees_no_more(sees: &Sight, allowed: &Sight) -> bool {
    sees.is_empty() || *allowed == Sight::Plain || sees == allowed
}

"""What a repository of research data asks when it gives an archive its DOI.

For Zenodo the fields of https://developers.zenodo.org/#representation, for others those of
DataCite's schema, version 4.5 (https://schema.datacite.org). Both say the same, from the study and
from who is to be cited.
"""

from typing import Any

from cnn_study.archive.crate import Packed, end_of, start_of, summary, title
from cnn_study.base.citation import Author

ZENODO = ".zenodo.json"
DATACITE = "datacite.json"

UNKNOWN = ":tba"
"""DataCite's word for what will be known when the deposit is made."""


def zenodo(packed: Packed) -> dict[str, Any]:
    """Give the metadata of a deposit in Zenodo."""
    citation, dataset = packed.citation, packed.study.dataset
    return {
        "title": title(packed.study),
        "upload_type": "dataset",
        "publication_date": packed.day,
        "creators": list(map(_zenodo_creator, citation.authors)),
        "description": f"<p>{_escaped(summary(packed))}</p>",
        "access_right": "open",
        "license": citation.licence.lower(),
        "version": citation.version,
        "language": "eng",
        "keywords": list(citation.keywords),
        "references": [dataset.source],
        "notes": f"Packed from commit {packed.commit}. ARCHIVE.md says how to check it.",
    }


def datacite(packed: Packed) -> dict[str, Any]:
    """Give the metadata that DataCite registers with a DOI."""
    citation, runs = packed.citation, packed.runs.values()
    begun, ended = min(map(start_of, runs)).date(), max(map(end_of, runs)).date()
    return {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Runs of a study, with code"},
        "titles": [{"title": title(packed.study)}],
        "creators": list(map(_datacite_creator, citation.authors)),
        "publisher": {"name": UNKNOWN},
        "publicationYear": packed.day[:4],
        "dates": [
            {"date": packed.day, "dateType": "Created"},
            {"date": f"{begun}/{ended}", "dateType": "Collected"},
        ],
        "subjects": [{"subject": keyword} for keyword in citation.keywords],
        "language": "en",
        "version": citation.version,
        "formats": ["application/zip"],
        "rightsList": [
            {
                "rights": citation.licence,
                "rightsUri": f"https://spdx.org/licenses/{citation.licence}",
                "rightsIdentifier": citation.licence,
                "rightsIdentifierScheme": "SPDX",
                "schemeUri": "https://spdx.org/licenses/",
            }
        ],
        "descriptions": [{"description": summary(packed), "descriptionType": "Abstract"}],
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _zenodo_creator(author: Author) -> dict[str, str]:
    creator = {"name": author.inverted, "affiliation": author.affiliation}
    creator["orcid"] = author.orcid.rpartition("/")[2]
    return {key: value for key, value in creator.items() if value}


def _datacite_creator(author: Author) -> dict[str, Any]:
    if not author.is_person:
        return {"name": author.name, "nameType": "Organizational"}
    creator: dict[str, Any] = {
        "name": author.inverted,
        "nameType": "Personal",
        "givenName": author.given,
        "familyName": author.family,
    }
    if author.affiliation:
        creator["affiliation"] = [{"name": author.affiliation}]
    if author.orcid:
        creator["nameIdentifiers"] = [
            {
                "nameIdentifier": author.orcid,
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    return creator

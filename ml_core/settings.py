"""What can be set, with its default. ``docs/configuration.md`` lists every key; a test holds the two together."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ml_core.setting_types import DatabaseName, InstanceLimit, MaskedFeature, Port, Threads, Workers


class Section(BaseModel):
    """A group of settings; a key that is not listed is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AppSettings(Section):
    """Where one web app listens, and with how many processes and threads."""

    host: str = "127.0.0.1"
    port: Port
    workers: Workers = 1
    threads: Threads = 4


class MonitorSettings(AppSettings):
    """The dashboard and monitoring API."""

    port: Port = 5001
    stale_after_hours: Annotated[float, Field(gt=0)] = 24.0


class ModelsSettings(AppSettings):
    """The model registry and serving app."""

    port: Port = 5002


class CmlSettings(Section):
    """Which models answer the calls of scripts that were written for CML.

    ``model`` answers where nothing says which. ``deployments`` are CRNs and what they stand for, as
    ``<crn>=link_traffic_5min``; ``access_keys``, in the same form, may ask for the forecasts of one model each.
    """

    model: str = "link_traffic_hourly"
    deployments: tuple[str, ...] = ()
    access_keys: tuple[SecretStr, ...] = ()


class CloudWatchSettings(AppSettings):
    """The CPU forecasts: where the metrics come from, how much of them is kept in view, and what overload means.

    ``limits`` are limits of single instances, as ``i-0abc=90``; all others have ``limit``, in percent of CPU. A missed
    overload costs ``cost_missed`` for each ``cost_false`` that a false warning costs.
    """

    port: Port = 5003
    source: Literal["generated", "aws"] = "generated"
    schedule: bool = True
    folder: str = "var/cloudwatch"
    queries_file: str = "cloudwatch_engine/client/queries.json"
    config_file: str = "cloudwatch_engine/config.json"
    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    instance_id: str | None = None
    period_seconds: Annotated[int, Field(ge=60, le=86_400, multiple_of=60)] = 300
    history_days: Annotated[float, Field(gt=0, le=455)] = 14.0
    delay_periods: Annotated[int, Field(ge=0, le=100)] = 2
    overlap_periods: Annotated[int, Field(ge=0, le=10_000)] = 24
    horizon_steps: Annotated[int, Field(ge=1, le=288)] = 24
    limit: Annotated[float, Field(gt=0)] = 80.0
    limits: tuple[InstanceLimit, ...] = ()
    cost_missed: Annotated[float, Field(gt=0)] = 5.0
    cost_false: Annotated[float, Field(gt=0)] = 1.0
    model_seconds: Annotated[float, Field(gt=0)] = 120.0


class AnomalySettings(AppSettings):
    """The anomaly predictions app.

    ``also_port`` is a second port on which it answers, for clients that know it there. Predictions are logged by
    ``log_mode``: ``batched`` several times a second, so that a crash loses at most the answers of one second, or
    ``sync`` each before its answer, so that none is lost.
    """

    port: Port = 8080
    also_port: Port | None = None
    workers: Workers = 2
    threads: Threads = 1
    log_mode: Literal["batched", "sync"] = "batched"
    body_bytes: Annotated[int, Field(ge=1024)] = 1_000_000


class ResponseTimeSettings(Section):
    """The response-time hour: which application of which controller, and how far it looks.

    ``limit`` in milliseconds is what an early warning is about; without one it is the usual outlier, the third quartile
    and one and a half interquartile ranges of the last 30 days. ``client_secret`` goes before that of ``config_file``.
    Where ``csv_file`` is set, hours come from that file and no controller is asked.
    ``tables_database`` is where the first system's tables are, on the server of a store that is on one: by default the
    store's database with ``_art`` behind its name; empty, there are none.
    """

    config_file: str = "forecasting_jobs/response_time/appdynamics-config.yml"
    client_secret: SecretStr | None = None
    ca_file: str | None = None
    csv_file: str | None = None
    application: str = "ABP"
    main_server: str = "ABP"
    history_days: Annotated[int, Field(ge=3, le=365)] = 60
    overlap_hours: Annotated[int, Field(ge=1, le=720)] = 6
    delay_minutes: Annotated[int, Field(ge=0, le=59)] = 5
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    connections: Annotated[int, Field(ge=1, le=10)] = 4
    limit: Annotated[float, Field(gt=0)] | None = None
    simulator_port: Port = 8090
    tables_database: DatabaseName | None = None

    def address_of(self, text: str) -> str:
        """Return an address of ``config_file``, in which ``{simulator_port}`` stands for the setting of this name."""
        return text.replace("{simulator_port}", str(self.simulator_port))


class LinkTrafficSettings(Section):
    """The traffic of links: how the roll through time goes on, and what makes it train anew.

    Forecasts are issued every ``stride`` steps; truth is sent after every ``label_every`` of them, and a window of
    ``check_every`` is measured and the model checked. ``rmse_limit`` in Gbit/s is the error of a day beyond which two
    days of three call for training; without one it is learnt from the reference of the version that is served.
    ``models_url`` is where ml_models is, unless it is where its own settings put it.
    """

    models_url: str = ""
    stride: Annotated[int, Field(ge=1, le=10_000)] = 12
    label_every: Annotated[int, Field(ge=1, le=10_000)] = 2
    check_every: Annotated[int, Field(ge=1, le=10_000)] = 14
    rmse_limit: Annotated[float, Field(gt=0)] | None = None


class JobsSettings(Section):
    """Which of the suite's jobs are not wanted, and whether the platform starts the others itself, without cron."""

    off: tuple[str, ...] = ()
    schedule: bool = True


class AuthSettings(Section):
    """Bearer tokens. With none set, apps listen on loopback only; a write token may read as well.

    ``trusted_hosts`` are further names by which a browser may call an app that has no tokens, such as the name of a
    reverse proxy on the same machine. A browser that has given a token is not asked again for ``session_hours``.
    """

    read_tokens: tuple[SecretStr, ...] = ()
    write_tokens: tuple[SecretStr, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    session_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 12.0


class LimitSettings(Section):
    """Bounds on what a client may send."""

    body_bytes: Annotated[int, Field(ge=1024)] = 16 * 1024 * 1024
    batch_rows: Annotated[int, Field(ge=1)] = 10_000
    features_bytes: Annotated[int, Field(ge=256)] = 64 * 1024


class WorkerSettings(Section):
    """The process in which heavy models are loaded on behalf of a web process."""

    timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    loaded_models: Annotated[int, Field(ge=1)] = 16


class MailSettings(Section):
    """The server that takes mail, and for whom it is; without ``host`` no mail is sent."""

    host: str = ""
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    sender: str = ""
    recipients: tuple[str, ...] = ()
    timeout_seconds: Annotated[float, Field(gt=0)] = 20.0


class WebhookSettings(Section):
    """An address to which alerts are posted: ``generic`` JSON, or the text that Slack and its likes take."""

    url: SecretStr | None = None
    form: Literal["generic", "slack"] = "generic"
    secret: SecretStr | None = None


class SpoolSettings(Section):
    """Where records wait on disk while a database at ``mysql+pymysql://`` is away, and how many of them may."""

    folder: str = "var/spool"
    max_megabytes: Annotated[int, Field(ge=1)] = 1024


class PrometheusSettings(Section):
    """The Prometheus that is started with the platform where it is installed; always on loopback.

    ``config_file`` takes the place of the configuration that is made from these settings.
    """

    enabled: bool = True
    port: Port = 19090
    folder: str = "var/prometheus"
    retention_days: Annotated[int, Field(ge=1)] = 15
    config_file: str = ""


class AlertmanagerSettings(Section):
    """The Alertmanager beside it; ``config_file`` says whom it tells, by default nobody."""

    enabled: bool = True
    port: Port = 19093
    folder: str = "var/alertmanager"
    config_file: str = ""


class JupyterSettings(Section):
    """JupyterLab, which ``make run-jupyter`` starts; always on loopback."""

    port: Port = 8888


MOST_DAYS = 36_500
"""Of keeping records: a hundred years, and still a time that can be told."""


class RetentionSettings(Section):
    """How long is kept what ``python -m ml_core.store retain`` forgets."""

    predictions_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 90
    metrics_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 730
    series_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 730


class RetrainingSettings(Section):
    """How models are trained anew, and what a challenger must show to be promoted.

    A verdict is wrong with a chance of at most ``alpha``; ``margin`` is the share by which the challenger's loss must
    be below the champion's. A claim holds for ``lease_minutes``, so a run may take no longer. After a request is done
    the model cools down for ``cool_down_hours``, in which no rule has it trained again.
    """

    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.01
    window_days: Annotated[int, Field(ge=1, le=730)] = 90
    shadow_days: Annotated[int, Field(ge=1, le=365)] = 14
    watch_days: Annotated[int, Field(ge=1, le=365)] = 14
    cool_down_hours: Annotated[float, Field(ge=0, le=24 * 365)] = 24.0
    lease_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 45


class Settings(Section):
    """All settings of the suite."""

    store_url: SecretStr = SecretStr("json:///var/store")
    artifacts_folder: str = "var/artifacts"
    run_folder: str = "var/run"
    log_folder: str = "var/log"
    crontab: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    clock_offset: timedelta = timedelta(0)
    clock_file: str = ""
    masked_features: tuple[MaskedFeature, ...] = ()
    retention: RetentionSettings = RetentionSettings()
    jobs: JobsSettings = JobsSettings()
    retraining: RetrainingSettings = RetrainingSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitSettings = LimitSettings()
    spool: SpoolSettings = SpoolSettings()
    worker: WorkerSettings = WorkerSettings()
    monitor: MonitorSettings = MonitorSettings()
    models: ModelsSettings = ModelsSettings()
    cml: CmlSettings = CmlSettings()
    cloudwatch: CloudWatchSettings = CloudWatchSettings()
    anomaly: AnomalySettings = AnomalySettings()
    response_time: ResponseTimeSettings = ResponseTimeSettings()
    link_traffic: LinkTrafficSettings = LinkTrafficSettings()
    prometheus: PrometheusSettings = PrometheusSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    jupyter: JupyterSettings = JupyterSettings()
    mail: MailSettings = MailSettings()
    webhook: WebhookSettings = WebhookSettings()

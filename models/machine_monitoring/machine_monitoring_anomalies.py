"""One row per device, production day, detector, metric and flagged reading.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.sensors import detect


def model(dbt, session):
    """Judge the device-days that the pre-hook listed, each on its trailing window."""
    readings = dbt.ref("int_machine_readings")
    alerts = dbt.ref("int_machine_alerts")
    thresholds = dbt.ref("device_thresholds")
    window_days = int(dbt.config.get("window_days"))
    windows = session.query(
        f"""
        select
            days.day_fingerprint as fingerprint,
            days.sensor_type,
            days.device_id,
            days.production_date as judged_date,
            readings.production_date,
            readings.event_at,
            readings.metric,
            readings.value,
            null::numeric as low,
            limits.high,
            coalesce(readings.is_running, true) as is_judged
        from pg_temp.days_to_build as days
        cross join lateral (
            select * from {readings} as readings
            where readings.device_id = days.device_id
                and readings.sensor_type = days.sensor_type
                and readings.production_date
                    between days.production_date - {window_days}
                    and days.production_date
            offset 0
        ) as readings
        left join lateral (
            select limit_value as high from {alerts} as alerts
            where alerts.device_id = days.device_id
                and alerts.sensor_type = days.sensor_type
                and alerts.production_date = days.production_date
                and alerts.metric = readings.metric
                and alerts.severity = 'warning'
            limit 1
        ) as limits on true
        where days.reading_count > 0
        """
    )
    rules = ("threshold", "spike", "stuck", "drift", "novelty")
    return detect(windows, thresholds, rules, keys=("sensor_type", "device_id"))

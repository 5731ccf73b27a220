"""One row per device, production day, detector, metric and flagged reading.

A detector that flags nothing that day has one row without a time.
"""

from brickworks.detectors.sensors import detect


def model(dbt, session):
    """Judge the device-days that the pre-hook listed, each on its trailing window."""
    readings = dbt.ref("int_moisture_readings")
    ranges = dbt.ref("int_moisture_ranges")
    thresholds = dbt.ref("device_thresholds")
    window_days = int(dbt.config.get("window_days"))
    windows = session.query(
        f"""
        select
            days.day_fingerprint as fingerprint,
            days.device_id,
            days.production_date as judged_date,
            readings.production_date,
            readings.event_at,
            'moisture' as metric,
            readings.moisture as value,
            bands.low,
            bands.high,
            true as is_judged
        from pg_temp.days_to_build as days
        cross join lateral (
            select band_low as low, band_high as high from {ranges} as ranges
            where ranges.device_id = days.device_id
                and ranges.production_date = days.production_date
            limit 1
        ) as bands
        cross join lateral (
            select * from {readings} as readings
            where readings.device_id = days.device_id
                and readings.production_date
                    between days.production_date - {window_days}
                    and days.production_date
            offset 0
        ) as readings
        where days.reading_count > 0
        """
    )
    return detect(windows, thresholds, ("threshold", "spike", "stuck", "drift"))

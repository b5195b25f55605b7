# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Exposure and gain of a RealSense sensor, in its own units and ranges."""

import pyrealsense2 as rs

from irevla_control.cameras.settings import CameraError, CameraSettings

# Duration of one count of the exposure option [us]; colour sensors use the UVC unit.
STEREO_EXPOSURE_US, COLOUR_EXPOSURE_US = 1, 100


def exposure_unit_us(sensor: rs.sensor) -> int:
    """Return the duration of one count of a sensor's exposure option [us]."""
    name = sensor.get_info(rs.camera_info.name) if sensor.supports(rs.camera_info.name) else ''
    stereo = sensor.is_depth_sensor() or any(word in name.lower() for word in ('stereo', 'depth'))
    return STEREO_EXPOSURE_US if stereo else COLOUR_EXPOSURE_US


def set_options(sensor: rs.sensor, settings: CameraSettings) -> None:
    """Set a fixed exposure, or automatic exposure at the full rate.

    Raises:
        CameraError: a value is outside the sensor's range, or the camera refuses it.

    """
    fixed = settings.exposure_us > 0
    values = {rs.option.enable_auto_exposure: float(not fixed)}
    # Exposure priority would halve the rate in dim light.
    values |= _if_supported(sensor, rs.option.auto_exposure_priority, 0.0)
    if fixed:
        unit_us = exposure_unit_us(sensor)
        values[rs.option.exposure] = _in_range(
            sensor, rs.option.exposure, settings.exposure_us, unit_us, settings.serial
        )
        values[rs.option.gain] = _in_range(
            sensor, rs.option.gain, settings.gain, 1, settings.serial
        )
        values |= _if_supported(sensor, rs.option.enable_auto_white_balance, 0.0)
    for option, value in values.items():
        try:
            sensor.set_option(option, value)
        except RuntimeError as error:
            raise CameraError(
                f'camera {settings.serial}: {option.name} {value:g}: {error}'
            ) from error


def _if_supported(sensor: rs.sensor, option: rs.option, value: float) -> dict[rs.option, float]:
    return {option: value} if sensor.supports(option) else {}


def _in_range(sensor: rs.sensor, option: rs.option, value: int, unit: int, serial: str) -> float:
    """Return the count of a sensor's option nearest to a value given in ``unit``.

    Raises:
        CameraError: the sensor has no such option, or the value is outside its range.

    """
    name = 'exposure_us' if option == rs.option.exposure else option.name
    if not sensor.supports(option):
        raise CameraError(f'camera {serial}: its sensor has no {option.name}; set exposure_us: 0')
    span = sensor.get_option_range(option)
    if not span.min * unit <= value <= span.max * unit:
        raise CameraError(
            f'camera {serial}: {name} {value}; its sensor allows '
            f'{span.min * unit:.0f} to {span.max * unit:.0f}'
        )
    step = span.step or 1.0
    return span.min + step * round((value / unit - span.min) / step)

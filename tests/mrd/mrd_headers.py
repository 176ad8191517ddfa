"""MRD headers as text, piece by piece, for tests that leave out or bend one piece."""

from __future__ import annotations

PIECES = {
    "study": "<studyInformation><studyInstanceUID>1.2.3</studyInstanceUID></studyInformation>",
    "measurement": (
        "<measurementInformation><measurementID>M1</measurementID>"
        "<patientPosition>HFS</patientPosition><protocolName>gre µ</protocolName>"
        "<measurementDependency><dependencyType>Noise</dependencyType>"
        "<measurementID>N7</measurementID></measurementDependency>"
        "<measurementDependency><dependencyType>SenMap</dependencyType>"
        "<measurementID>S8</measurementID></measurementDependency>"
        "<frameOfReferenceUID>1.2.4</frameOfReferenceUID></measurementInformation>"
    ),
    "vendor": "<systemVendor>ACME Scanners</systemVendor><systemModel>One</systemModel>",
    "field": "<systemFieldStrength_T>3</systemFieldStrength_T>",
    "bandwidth": "<relativeReceiverNoiseBandwidth>0.793</relativeReceiverNoiseBandwidth>",
    "coils": (
        "<receiverChannels>2</receiverChannels>"
        "<coilLabel><coilNumber>10</coilNumber><coilName>H2</coilName></coilLabel>"
        "<coilLabel><coilNumber>2</coilNumber><coilName>H1</coilName></coilLabel>"
    ),
    "frequency": "<H1resonanceFrequency_Hz>127732436</H1resonanceFrequency_Hz>",
    "encoded": (
        "<encodedSpace><matrixSize><x>64</x><y>49</y><z>24</z></matrixSize>"
        "<fieldOfView_mm><x>440</x><y>200</y><z>60</z></fieldOfView_mm></encodedSpace>"
    ),
    "recon": (
        "<reconSpace><matrixSize><x>32</x><y>45</y><z>20</z></matrixSize>"
        "<fieldOfView_mm><x>220</x><y>198</y><z>50</z></fieldOfView_mm></reconSpace>"
    ),
    "limits": (
        "<kspace_encoding_step_1><minimum>3</minimum><maximum>48</maximum><center>24</center>"
        "</kspace_encoding_step_1><contrast><minimum>0</minimum><maximum>1</maximum>"
        "<center>0</center></contrast>"
    ),
    "trajectory": "<trajectory>Cartesian</trajectory>",
    "acceleration": (
        "<parallelImaging><accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>"
        "<kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor></parallelImaging>"
    ),
    "te": "<TE>4.5</TE><TE>9</TE>",
    "sequence": "<TR>30</TR><flipAngle_deg>15</flipAngle_deg>",
    "user": "",
}

FRAME = (
    "{study}{measurement}<acquisitionSystemInformation>{vendor}{field}{bandwidth}{coils}"
    "</acquisitionSystemInformation><experimentalConditions>{frequency}</experimentalConditions>"
    "<encoding>{encoded}{recon}<encodingLimits>{limits}</encodingLimits>{trajectory}{acceleration}"
    "</encoding><sequenceParameters>{sequence}{te}</sequenceParameters>"
    "<userParameters>{user}</userParameters>"
)


def header_of(**changed: str) -> bytes:
    """A complete header with some pieces changed; an empty text leaves a piece out."""
    body = FRAME.format(**(PIECES | changed))
    return f'<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">{body}</ismrmrdHeader>'.encode()


def matrix(tag: str, size: tuple[int, int, int], fov_mm: tuple[float, float, float]) -> str:
    """An encoding space; both triples are (x, y, z)."""
    n = "".join(f"<{a}>{v}</{a}>" for a, v in zip("xyz", size, strict=True))
    mm = "".join(f"<{a}>{v}</{a}>" for a, v in zip("xyz", fov_mm, strict=True))
    return f"<{tag}><matrixSize>{n}</matrixSize><fieldOfView_mm>{mm}</fieldOfView_mm></{tag}>"


def slices_of(n: int) -> str:
    """Encoding limits of a 2-D scan of ``n`` slices."""
    return f"<slice><minimum>0</minimum><maximum>{n - 1}</maximum><center>0</center></slice>"

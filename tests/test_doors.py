"""What leads out of this machine is not followed, at any door; what lies beside is read."""

import sqlite3
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from rasterio._env import get_gdal_config

from obriy.blocks.gdal import gdal_env, open_raster
from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
from obriy.errors import ObriyError, SourceError
from obriy.settings import settings
from obriy.sources import open_scene
from obriy.sources.districts import read_districts
from terminal import obriy

SIDE = 40
NAMES = ("blue", "green", "red", "nir", "swir16", "swir22")
SERVER = """
import functools, http.server, sys
class Told(http.server.SimpleHTTPRequestHandler):
    def send_response(self, *words):
        with open(sys.argv[2], "a") as log:
            log.write(self.requestline + "\\n")
        super().send_response(*words)
    def log_message(self, *words): pass
told = functools.partial(Told, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), told)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
"""A process of its own: GDAL asks while it holds the interpreter."""


class Server:
    """Serves a folder on this machine, and keeps what it was asked for."""

    def __init__(self, folder, log, port):
        self.folder, self.log, self.at = folder, log, f"127.0.0.1:{port}"

    def asked(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder, log = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("log") / "asked"
    image(folder / "img.tif")
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder), str(log)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield Server(folder, log, int(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def silent(server, monkeypatch):
    """The server; it must not have been asked, even where the environment lets nothing be
    stopped at a proxy."""
    monkeypatch.setenv("no_proxy", "*")
    before = server.asked()
    yield server
    assert server.asked() == before


def image(path, **options):
    rng = np.random.default_rng(0)
    array = rng.integers(300, 4000, (len(NAMES), SIDE, SIDE)).astype("uint16")
    profile = {
        "driver": "GTiff", "count": len(NAMES), "height": SIDE, "width": SIDE, "dtype": "uint16",
        "crs": "EPSG:32636", "transform": Affine(10, 0, 5e5, 0, -10, 5.2e6),
    }  # fmt: skip
    with rasterio.open(path, "w", **{**profile, **options}) as dataset:
        dataset.write(array)
        for number, name in enumerate(NAMES, 1):
            dataset.set_band_description(number, name)
    return path


HEAD = (
    f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><SRS>EPSG:32636</SRS>'
    "<GeoTransform>500000,10,0,5200000,0,-10</GeoTransform>"
)


def vrt(source, relative="0", *, head=HEAD, tag="SourceFilename", more=""):
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{n}"><Description>{name}</Description>'
        f'<SimpleSource><{tag} relativeToVRT="{relative}">{source}</{tag}>'
        f"<SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
        for n, name in enumerate(NAMES, 1)
    )
    return f"{head}{more}{bands}</VRTDataset>"


def raw(source, relative='relativeToVRT="0"'):
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{n}" subClass="VRTRawRasterBand">'
        f"<Description>{name}</Description><SourceFilename {relative}>{source}</SourceFilename>"
        "<ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>40</LineOffset>"
        "</VRTRasterBand>"
        for n, name in enumerate(NAMES, 1)
    )
    return f"{HEAD}{bands}</VRTDataset>"


WARPED = """<VRTDataset rasterXSize="40" rasterYSize="40" subClass="VRTWarpedDataset">
<GeoTransform>500000,10,0,5200000,0,-10</GeoTransform>
<VRTRasterBand dataType="UInt16" band="1" subClass="VRTWarpedRasterBand"/>
<GDALWarpOptions><SourceDataset relativeToVRT="1">{source}</SourceDataset><Transformer>
<GenImgProjTransformer><SrcGeoTransform>500000,10,0,5200000,0,-10</SrcGeoTransform>
<SrcInvGeoTransform>-50000,0.1,0,520000,0,-0.1</SrcInvGeoTransform>
<DstGeoTransform>500000,10,0,5200000,0,-10</DstGeoTransform>
<DstInvGeoTransform>-50000,0.1,0,520000,0,-0.1</DstInvGeoTransform>
<ReprojectTransformer><ReprojectionTransformer><SourceSRS>{srs}</SourceSRS>
<TargetSRS>{srs}</TargetSRS></ReprojectionTransformer></ReprojectTransformer>
</GenImgProjTransformer></Transformer><BandList><BandMapping src="1" dst="1"/></BandList>
</GDALWarpOptions></VRTDataset>"""
WMS = """<GDAL_WMS><Service name="TMS"><ServerUrl>http://{at}/${{z}}/${{x}}/${{y}}</ServerUrl>
</Service><DataWindow><UpperLeftX>500000</UpperLeftX><UpperLeftY>5200000</UpperLeftY>
<LowerRightX>500400</LowerRightX><LowerRightY>5199600</LowerRightY><SizeX>20</SizeX>
<SizeY>20</SizeY></DataWindow><Projection>EPSG:32636</Projection><BandsCount>6</BandsCount>
</GDAL_WMS>"""
OVERVIEW = (
    '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">http://{at}/img.tif</MDI>'
    "</Metadata></PAMDataset>"
)


def texts(at):
    """Texts of files that lead out, by what they do."""
    curl, http = f"/vsicurl/http://{at}/img.tif", f"http://{at}/img.tif"
    good = vrt("img.tif", "1")
    overview = f'<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{http}</MDI></Metadata>'
    mask = f"<SimpleSource><SourceFilename>{curl}</SourceFilename></SimpleSource>"
    mask = f'<MaskBand><VRTRasterBand dataType="Byte">{mask}</VRTRasterBand></MaskBand>'
    root = '<OpenOptions><OOI key="ROOT_PATH">/etc</OOI></OpenOptions>'
    step = f'<Step><Argument name="gain_dataset_filename_1">{curl}</Argument></Step>'
    asset = f'"stac_version":"1.0.0","assets":{{"a":{{"href":"{http}"}}}}'
    up = "../" * 20
    return {
        "vsicurl": vrt(curl),
        "address": vrt(http),
        "relative": vrt(curl, "1"),
        "streaming": vrt(f"/vsicurl_streaming/{http}"),
        "gzip": vrt(f"/vsigzip//vsicurl/{http}"),
        "subdataset": vrt(f'NETCDF:"{http}":green'),
        "service": vrt(f"WMS:http://{at}/x?"),
        "short": vrt("PLMOSAIC:mosaic=x"),
        "connection": vrt(f"vrt://{curl}?bands=1"),
        "inline": vrt(WMS.format(at=at).replace("<", "&lt;")),
        "case": vrt(curl, tag="sourcefilename"),
        "attribute": good.replace("<SimpleSource>", f'<SimpleSource SourceFilename="{curl}">'),
        "namespace": vrt(curl).replace("<SourceFilename", '<SourceFilename xmlns="x"'),
        "entity": f'<!DOCTYPE a [<!ENTITY e "{curl}">]>' + vrt("&e;"),
        "overview": vrt("img.tif", "1", more=overview),
        "mask": vrt("img.tif", "1", more=mask),
        "warped": WARPED.format(source=curl, srs="EPSG:32636"),
        "crs": WARPED.format(source="img.tif", srs=f"http://{at}/srs"),
        "place": good.replace("EPSG:32636", f"http://{at}/srs"),
        "step": vrt("img.tif", "1", more=step),
        "root": good.replace("<SourceBand>", f"{root}<SourceBand>"),
        "wms": WMS.format(at=at),
        "wcs": f"<WCS_GDAL><ServiceURL>http://{at}/?</ServiceURL></WCS_GDAL>",
        "wmts": f"<GDAL_WMTS><GetCapabilitiesUrl>http://{at}/</GetCapabilitiesUrl></GDAL_WMTS>",
        "index": f"<GDALTileIndexDataset><IndexDataset>{curl}</IndexDataset></GDALTileIndexDataset>",  # noqa: E501
        "marked": f"<MRF_META><CachedSource><Source>{curl}</Source></CachedSource></MRF_META>",
        "stac": f'{{"type":"FeatureCollection","features":[{{"type":"Feature",{asset}}}]}}',
        "passwd": raw("/etc/passwd"),
        "climbs": raw(f"{up}etc/passwd", ""),
        "there": raw(f"{up}etc/passwd", 'relativeToVRT="1"'),
        "neither": vrt("/etc/passwd"),
        "beside": vrt("notes.txt", "1"),
    }


KINDS = tuple(texts("x"))


def leading_out(folder, at, kind, ending):
    image(folder / "img.tif")
    (folder / "notes.txt").write_text(WMS.format(at=at))
    file = folder / f"{kind}{ending}"
    file.write_text(texts(at)[kind])
    return file


def read(path):
    scene = open_scene(path, bands=NAMES)
    return {name: scene[name].to_numpy() for name in NAMES}


@pytest.mark.parametrize("ending", [".vrt", ".tif"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_leads_out_is_refused(silent, tmp_path, kind, ending):
    file = leading_out(tmp_path, silent.at, kind, ending)
    with pytest.raises(SourceError) as caught:
        read(file)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "http://{at}/img.tif", "/vsicurl/http://{at}/img.tif", "/vsicurl?url=http://{at}/img.tif",
        "/vsigzip//vsicurl/http://{at}/img.tif", "/vsizip//vsicurl/http://{at}/a.zip/img.tif",
        "/vsizip/{{/vsicurl/http://{at}/a.zip}}/img.tif", "/vsitar//vsicurl/http://{at}/a.tar/b",
        "/vsisubfile/0_100,/vsicurl/http://{at}/img.tif", "/vsicached?file=http://{at}/img.tif",
        "/vsicurl_streaming/http://{at}/img.tif", "/vsiwebhdfs/http://{at}/x",
        "vrt:///vsicurl/http://{at}/img.tif?bands=1", "vrt://http://{at}/img.tif",
        'NETCDF:"http://{at}/a.nc":green', "NETCDF:http://{at}/a.nc:green",
        'HDF5:"/vsicurl/http://{at}/a.h5"://green', "GTIFF_DIR:1:/vsicurl/http://{at}/img.tif",
        "WMS:http://{at}/?", "WCS:http://{at}/?coverage=a", "WMTS:http://{at}/",
        "GTI:http://{at}/i.gpkg", 'ZARR:"/vsicurl/http://{at}/z"', "STACIT:http://{at}/i.json",
        "zip+http://{at}/a.zip!img.tif", "ftp://{at}/img.tif", "gs://{at}/img.tif",
    ],
)  # fmt: skip
def test_a_name_that_leads_out_is_refused(silent, name):
    with pytest.raises(ObriyError) as caught:
        read(name.format(at=silent.at))
    assert caught.value.hint
    with pytest.raises(SourceError), open_raster(name.format(at=silent.at)):
        pass


def test_what_lies_beside_an_image_leads_nowhere(silent, tmp_path):
    for number, (ending, text) in enumerate(
        {
            ".aux.xml": OVERVIEW.format(at=silent.at),
            ".ovr": WMS.format(at=silent.at),
            ".msk": vrt(f"/vsicurl/http://{silent.at}/img.tif"),
        }.items()
    ):
        file = image(tmp_path / f"{number}.tif")
        file.with_name(file.name + ending).write_text(text)
        with pytest.raises(SourceError) as caught:
            read(file)
        assert caught.value.hint
        around = tmp_path / f"{number}.vrt"
        around.write_text(vrt(file.name, "1"))
        with pytest.raises(SourceError):
            read(around)


def test_metadata_inside_an_image_lead_nowhere(silent, tmp_path):
    file = image(tmp_path / "a.tif")
    with rasterio.open(file, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"http://{silent.at}/img.tif")
    with pytest.raises(SourceError, match="lead to another raster"):
        read(file)
    (tmp_path / "a.vrt").write_text(vrt("a.tif", "1"))
    with pytest.raises(SourceError, match="lead to another raster"):
        read(tmp_path / "a.vrt")


def test_what_leads_out_after_it_was_opened_is_not_followed(silent, tmp_path):
    """Each thread opens the file for itself, and GDAL opens what lies beside only then."""
    file = image(tmp_path / "a.tif")
    scene = open_scene(file)
    file.with_name("a.tif.msk").write_text(vrt(f"/vsicurl/http://{silent.at}/img.tif"))
    file.with_name("a.tif.ovr").write_text(WMS.format(at=silent.at))
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(scene["green"].to_numpy) for _ in range(6)]:
            with pytest.raises(SourceError):
                done.result()


def test_the_network_is_off_in_every_thread_that_reads(server):
    """The second line, for what no door foresees: GDAL asked to go out, within our context."""
    before = server.asked()

    def ask():
        http = f"http://{server.at}/img.tif"
        for name in (
            f"/vsicurl/{http}",
            http,
            WMS.format(at=server.at),
            f"/vsigzip//vsicurl/{http}",
        ):
            with gdal_env(), pytest.raises(rasterio.errors.RasterioError):
                rasterio.open(name).read(1)
        return get_gdal_config("GDAL_HTTP_PROXY")

    threads = []
    ask()
    for _ in range(2):
        with ThreadPoolExecutor(1) as pool:
            threads.append(pool.submit(ask).result())
    assert server.asked() == before
    assert threads == [None, None]  # and nothing is left behind
    assert get_gdal_config("GDAL_HTTP_PROXY") is None


def test_a_source_in_the_network_has_a_way_in(server, monkeypatch, tmp_path):
    """It asks by name, in one place. The server knows no ranges, and shows here that it counts."""
    monkeypatch.setenv("OBRIY_CACHE", str(tmp_path))
    settings.cache_clear()
    before = len(server.asked())
    address = f"http://{server.at}/img.tif"
    with pytest.raises(SourceError), open_raster(f"/vsicurl/{address}", network=True):
        pass
    with open_raster(server.folder / "img.tif") as own:
        values, grid = own.read(2), file_geobox(own)
    with open_raster(address, network=True) as opened:
        assert (opened.read(2) == values).all()
    lazy = lazy_variable(RasterBand(address, 2, network=True), grid)
    with ThreadPoolExecutor(1) as pool:
        assert (pool.submit(lazy.to_numpy).result() == values).all()
    assert len(server.asked()) == before + 1
    settings.cache_clear()


GOOD = ("relative", "below", "absolute", "nested", "linked", "named_tif", "missing_flag")


@pytest.mark.parametrize("way", GOOD)
def test_a_vrt_of_files_beside_or_below_it_is_read(tmp_path, monkeypatch, way):
    folder = tmp_path / "folder"
    (folder / "tiles").mkdir(parents=True)
    own = image(folder / "tiles" / "img.tif")
    file = folder / ("a.tif" if way == "named_tif" else "a.vrt")
    if way == "nested":
        (folder / "tiles" / "b.vrt").write_text(vrt("img.tif", "1"))
    if way == "linked":
        elsewhere = tmp_path / "elsewhere"
        own.parent.rename(elsewhere)
        own.parent.symlink_to(elsewhere)
    monkeypatch.chdir(folder if way == "missing_flag" else tmp_path)
    text = vrt(own if way == "absolute" else f"tiles/{'b.vrt' if way == 'nested' else 'img.tif'}",
               "0" if way == "absolute" else "1")  # fmt: skip
    file.write_text(text.replace(' relativeToVRT="1"', "") if way == "missing_flag" else text)
    through, direct = read(file), read(own)
    assert all((through[name] == direct[name]).all() for name in NAMES)


def test_a_vrt_as_gdal_writes_it(tmp_path):
    own = image(tmp_path / "img.tif")
    rasterio.shutil.copy(own, tmp_path / "copy.vrt", driver="VRT")
    assert (read(tmp_path / "copy.vrt")["nir"] == read(own)["nir"]).all()


def test_raw_bytes_beside_a_vrt(tmp_path):
    values = np.arange(SIDE * SIDE, dtype="uint8").reshape(SIDE, SIDE)
    (tmp_path / "bytes").write_bytes(values.tobytes())
    (tmp_path / "a.vrt").write_text(raw("bytes", ""))
    with open_raster(tmp_path / "a.vrt") as opened:
        assert (opened.read(3) == values).all()
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "b.vrt").write_text(raw("link", ""))
    with pytest.raises(SourceError, match="neither beside it nor below"), \
            open_raster(tmp_path / "b.vrt"):  # fmt: skip
        pass


def test_a_vrt_of_files_elsewhere_says_the_way_out(tmp_path):
    own = image(tmp_path / "img.tif")
    (tmp_path / "folder").mkdir()
    for source, relative in ((own, "0"), ("../img.tif", "1")):
        (tmp_path / "folder" / "a.vrt").write_text(vrt(source, relative))
        with pytest.raises(SourceError, match="neither beside it nor below") as caught:
            read(tmp_path / "folder" / "a.vrt")
        assert "gdal_translate a.vrt a.tif" in caught.value.hint


def test_a_vrt_of_itself(tmp_path):
    (tmp_path / "a.vrt").write_text(vrt("b.vrt", "1"))
    (tmp_path / "b.vrt").write_text(vrt("a.vrt", "1"))
    with pytest.raises(SourceError, match="is made from itself"):
        read(tmp_path / "a.vrt")


def test_a_file_in_an_archive(tmp_path):
    own = image(tmp_path / "img.tif")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(own, "in/img.tif")
        archive.writestr("in/img.tif.ovr", WMS.format(at="127.0.0.1:9"))
        archive.writestr("in/a.vrt", vrt("img.tif", "1"))
    inside = read(f"/vsizip/{tmp_path}/a.zip/in/img.tif")
    assert (inside["red"] == read(own)["red"]).all()
    with pytest.raises(SourceError):
        read(f"/vsizip/{tmp_path}/a.zip/in/a.vrt")


def polygons(path, **options):
    square = shapely.box(5e5, 5.1998e6, 5.002e5, 5.2e6)
    frame = gpd.GeoDataFrame({"class": ["water"]}, geometry=[square], crs="EPSG:32636")
    frame.to_file(path, **options)
    return path


def vector_texts(at):
    http = f"http://{at}/x.gpkg"
    layer = f'<OGRVRTLayer name="x"><SrcDataSource>/vsicurl/{http}</SrcDataSource></OGRVRTLayer>'
    ours = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    return {
        "a.vrt": ours,
        "a.geojson": ours,
        "a.gpkg": ours,
        "a.kml": f'<?xml version="1.0"?>\n<!-- kml --><kml/>{ours}',
        "b.vrt": ours.replace("/vsicurl/", ""),
        "a.xml": f"<OGRWFSDataSource><URL>http://{at}/wfs?</URL></OGRWFSDataSource>",
        "c.xml": f"<OGRCSWDataSource><URL>http://{at}/csw?</URL></OGRCSWDataSource>",
        "a.gml": '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="http://a http://{at}/a.xsd"><gml:featureMember/></gml:FeatureCollection>',
        "a.gdalg.json": '{"type":"gdal_streamed_alg","command_line":"gdal vector pipeline ! read '
        f'http://{at}/a.geojson ! filter"}}',
        "a.json": f'{{"type":"NetworkLink","href":"{http}"}}',
        "link.kml": '<kml xmlns="http://www.opengis.net/kml/2.2"><NetworkLink><Link>'
        f"<href>http://{at}/a.kml</href></Link></NetworkLink></kml>",
        "wms.tif": WMS.format(at=at),
        "img.vrt": vrt(f"/vsicurl/{http}"),
    }


@pytest.mark.parametrize("name", vector_texts("x"))
def test_a_vector_file_that_leads_out_is_refused(silent, tmp_path, name):
    file = tmp_path / name
    file.write_text(vector_texts(silent.at)[name])
    with pytest.raises(ObriyError) as caught:
        read_districts(str(file))
    assert "\n" not in str(caught.value)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(file, name)
    with pytest.raises(ObriyError):
        read_districts(str(tmp_path / "a.zip"))


def test_a_geopackage_that_asks_a_server(silent, tmp_path):
    """GDAL has functions of SQL that ask a server; a view may call them."""
    file = polygons(tmp_path / "a.gpkg")
    with sqlite3.connect(file) as data:
        data.execute(
            "CREATE VIEW asks AS SELECT fid, geom, ogr_geocode('x', 'geometry') AS g FROM a"
        )
        data.execute(
            "INSERT INTO gpkg_contents (table_name, identifier, data_type, srs_id) "
            "VALUES ('asks', 'asks', 'features', 32636)"
        )
        data.execute(
            "INSERT INTO gpkg_geometry_columns VALUES ('asks', 'geom', 'POLYGON', 32636, 0, 0)"
        )
    pyogrio.set_gdal_config_options(
        {
            "OGR_GEOCODE_QUERY_TEMPLATE": f"http://{silent.at}/?q=%s",
            "OGR_GEOCODE_SERVICE": "OSM_NOMINATIM",
        }
    )
    try:
        with pytest.raises(ObriyError):
            read_districts(str(file))
    finally:
        pyogrio.set_gdal_config_options(
            {"OGR_GEOCODE_QUERY_TEMPLATE": None, "OGR_GEOCODE_SERVICE": None}
        )


def test_vector_formats_that_hold_their_features_are_read(tmp_path):
    square = shapely.box(33.5, 46.8, 33.6, 46.9)
    frame = gpd.GeoDataFrame({"name": ["a"]}, geometry=[square], crs="EPSG:4326")
    for name, driver in {
        "a.gpkg": "GPKG", "a.geojson": "GeoJSON", "a.fgb": "FlatGeobuf", "a.shp": "ESRI Shapefile",
        "a.kml": "KML", "a.gml": "GML", "a.tab": "MapInfo File", "a.mif": "MapInfo File",
        "a.geojsonl": "GeoJSONSeq",
    }.items():  # fmt: skip
        frame.to_file(tmp_path / name, driver=driver)
        (district,) = read_districts(str(tmp_path / name))
        assert shapely.box(*district.geometry.bounds).equals_exact(square, 1e-6), name
    with zipfile.ZipFile(tmp_path / "shape.zip", "w") as archive:
        for part in tmp_path.glob("a.[sdp]??"):
            archive.write(part, part.name)
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.write(tmp_path / "a.geojson", "a.geojson")
    for name in ("shape.zip", "one.zip"):
        assert len(read_districts(str(tmp_path / name))) == 1


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """An image, and a map of it."""
    folder = tmp_path_factory.mktemp("mapped")
    own = image(folder / "img.tif")
    done = obriy("water", own, "--out", folder / "run", "-q")
    assert done.returncode == 0, done.stderr
    return own, folder / "run" / "mask.tif"


@pytest.mark.parametrize("kind", ["vsicurl", "wms", "passwd"])
@pytest.mark.parametrize("entry", ["source", "folder", "aoi", "reference", "gsw", "river", "land",
                                   "evaluate_map", "evaluate_reference", "sample_map",
                                   "sample_image", "sample_aoi", "labels"])  # fmt: skip
def test_no_entry_of_the_command_line_leads_out(silent, tmp_path, mapped, entry, kind):
    own, mask = mapped
    file = leading_out(tmp_path, silent.at, kind, ".tif")
    series = tmp_path / "series"
    series.mkdir()
    for day in ("2025-06-05", "2025-07-05"):
        (series / f"{day}.tif").write_bytes(own.read_bytes())
    out = ("--out", tmp_path / "out")
    if entry == "folder":
        (series / "2025-08-05.tif").write_text(file.read_text().replace("img.tif", str(own)))
    words = {
        "source": ("water", file, *out),
        "folder": ("water", series, *out),
        "aoi": ("water", own, "--aoi", file, *out),
        "reference": ("water", own, "--reference", file, *out),
        "gsw": ("water", own, "--reference", f"gsw:{file}", *out),
        "river": ("water", series, "--register", "1", "--river", file, *out),
        "land": ("ice", own, "--land", file, *out),
        "evaluate_map": ("evaluate", file, mask),
        "evaluate_reference": ("evaluate", mask, file),
        "sample_map": ("sample", file, *out),
        "sample_image": ("sample", mask, "--image", file, "--size", "20", *out),
        "sample_aoi": ("sample", mask, "--aoi", file, "--size", "20", *out),
        "labels": ("evaluate", "--sample", file.rename(file.with_suffix(".gpkg"))),
    }[entry]
    done = obriy(*words)
    if entry == "folder":  # a date that fails is listed, and the others are measured
        assert done.returncode == 3, done.stderr
        return
    assert done.returncode in (1, 2)
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Unexpected" not in done.stderr


def test_bands_that_are_read_lazily_have_the_same_door(silent, tmp_path):
    file = leading_out(tmp_path, silent.at, "vsicurl", ".vrt")
    grid = open_scene(tmp_path / "img.tif", bands=NAMES).odc.geobox
    with pytest.raises(SourceError):
        lazy_variable(RasterBand(str(file)), grid)

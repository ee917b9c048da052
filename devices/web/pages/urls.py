"""URLs of the pages. Site and device names are the contract's: 1 to 64 of ``A-Z a-z 0-9 _ - . :``."""

from django.urls import path, re_path

from devices.web.pages import views

_NAME = r"[A-Za-z0-9_\-.:]{1,64}"

urlpatterns = [
    path("", views.fleet, name="fleet"),
    re_path(rf"^devices/(?P<site>{_NAME})/(?P<name>{_NAME})$", views.device, name="device"),
    path("ops", views.ops, name="ops"),
    path("login", views.Login.as_view(), name="login"),
    path("logout", views.Logout.as_view(), name="logout"),
]
